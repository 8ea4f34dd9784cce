# Work for the program itself: it is brought here, or run. What follows behind this text is base64, a line
# a piece: first the order, then what is copied, then a point.
$State = @{ Order = $null; Whole = $false; Over = $false; Stream = $null; Part = $null; Folder = $null }

# SYSTEM and the administrators; nothing from above.
$Closed = 'O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'

function Get-Encoded([string]$Text) {
    [System.Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($Text))
}

function Write-Text([string]$Kind, [string]$Text) {
    $encoded = Get-Encoded $Text
    for ($at = 0; $at -lt $encoded.Length; $at += 4000) {
        'rdpdoctor ' + $Kind + ' ' + $encoded.Substring($at, [Math]::Min(4000, $encoded.Length - $at))
    }
}

# Why nothing was done: a word of ours, the number of an error of Windows, or words of somebody else.
function Get-Reason($Failure) {
    $why = $Failure.Exception
    while ($why.InnerException) { $why = $why.InnerException }
    if ($why -is [System.ComponentModel.Win32Exception]) { return 'windows ' + $why.NativeErrorCode }
    $words = [string]$why.Message
    if ($words.StartsWith('denied ')) { return $words.Substring(7) }
    'failed ' + (Get-Encoded $words)
}

function Confirm-Machine {
    if ($PSVersionTable.PSVersion.Major -lt 5) { throw 'denied old' }
    if ([System.Environment]::OSVersion.Version.Major -lt 10) { throw 'denied old' }
    $processor = [System.Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITECTURE', 'Machine')
    if ($processor -ne 'AMD64') { throw "denied processor $processor" }
    $me = [System.Security.Principal.WindowsIdentity]::GetCurrent()
    $role = New-Object System.Security.Principal.WindowsPrincipal $me
    if (-not $role.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)) { throw 'denied rights' }
}

function New-Rights {
    $rights = New-Object System.Security.AccessControl.DirectorySecurity
    $sections = [System.Security.AccessControl.AccessControlSections]'Owner, Access'
    $rights.SetSecurityDescriptorSddlForm($Closed, $sections)
    $rights
}

# Windows lets every user make folders where these lie: what somebody else has made is not believed.
function Confirm-Owner($Item) {
    $section = [System.Security.AccessControl.AccessControlSections]'Owner'
    $owner = $Item.GetAccessControl($section).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    $me = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    if (@('S-1-5-18', 'S-1-5-32-544', $me) -notcontains $owner) { throw 'denied folder' }
    if ($Item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) { throw 'denied folder' }
}

# A folder that is closed from its first moment.
function Open-Folder([string]$Path, [bool]$Close) {
    $folder = New-Object System.IO.DirectoryInfo $Path
    if (-not $folder.Exists) {
        $folder.Create((New-Rights))
        $folder.Refresh()
    }
    Confirm-Owner $folder
    if ($Close) { $folder.SetAccessControl((New-Rights)) }
}

function Open-ProgramFolder {
    if ($State.Order.sha256 -cnotmatch '^[0-9a-f]{64}$') { throw 'denied order' }
    $root = Join-Path ([System.Environment]::GetFolderPath('CommonApplicationData')) 'rdpdoctor'
    $programs = Join-Path $root 'programs'
    $State.Folder = Join-Path $programs $State.Order.sha256
    Open-Folder $root $false
    Open-Folder $programs $true
    Open-Folder $State.Folder $true
}

# The one that FIPS allows as well.
function Get-Sum($Stream) {
    $hasher = New-Object System.Security.Cryptography.SHA256CryptoServiceProvider
    $Stream.Position = 0
    [System.BitConverter]::ToString($hasher.ComputeHash($Stream)).Replace('-', '').ToLowerInvariant()
}

function Get-NewName([string]$End) {
    Join-Path $State.Folder ([System.Guid]::NewGuid().ToString('N') + $End)
}

function Start-Copy {
    $State.Part = Get-NewName '.gz'
    $State.Stream = [System.IO.File]::Open($State.Part, 'CreateNew', 'ReadWrite', 'None')
}

function Add-Piece([string]$Line) {
    $bytes = [System.Convert]::FromBase64String($Line)
    $State.Stream.Write($bytes, 0, $bytes.Length)
}

# Only what is whole gets the program's name.
function Complete-Copy([string]$Program) {
    $new = Get-NewName '.new'
    $State.Stream.Position = 0
    $unpack = [System.IO.Compression.CompressionMode]::Decompress
    $gzip = New-Object System.IO.Compression.GZipStream @($State.Stream, $unpack)
    $copy = [System.IO.File]::Open($new, 'CreateNew', 'ReadWrite', 'None')
    try {
        $gzip.CopyTo($copy)
        $sum = Get-Sum $copy
    } finally {
        $copy.Close()
    }
    if ($sum -cne $State.Order.sha256) {
        [System.IO.File]::Delete($new)
        throw 'denied sum'
    }
    [System.IO.File]::Delete($Program)
    [System.IO.File]::Move($new, $Program)
    'rdpdoctor kept'
}

function Start-Program([string]$Program, [string]$Line, [string]$Folder) {
    $info = New-Object System.Diagnostics.ProcessStartInfo
    $info.FileName = $Program
    $info.Arguments = $Line
    $info.WorkingDirectory = $Folder
    $info.UseShellExecute = $false
    $info.CreateNoWindow = $true
    $info.RedirectStandardInput = $true
    $info.RedirectStandardOutput = $true
    $info.RedirectStandardError = $true
    # The user's own may not be there in such a session.
    $info.EnvironmentVariables['ProgramData'] = [System.Environment]::GetFolderPath('CommonApplicationData')
    $info.EnvironmentVariables['TEMP'] = $Folder
    $info.EnvironmentVariables['TMP'] = $Folder
    $info.StandardOutputEncoding = [System.Text.Encoding]::UTF8
    $info.StandardErrorEncoding = [System.Text.Encoding]::UTF8
    $process = [System.Diagnostics.Process]::Start($info)
    $process.StandardInput.Close()
    $process
}

function Confirm-Version([string]$Program, [string]$Folder) {
    $process = Start-Program $Program '--version' $Folder
    $version = $process.StandardOutput.ReadToEnd().Trim()
    $process.WaitForExit()
    if ($version -cne $State.Order.version) { throw ('denied version ' + (Get-Encoded $version)) }
}

# What it complains of is told at once: the line may be lost before it ends.
function Invoke-Program([string]$Program) {
    $work = Get-NewName '.work'
    Open-Folder $work $true
    try {
        Confirm-Version $Program $work
        if ($State.Order.plan) {
            $plan = [System.Convert]::FromBase64String($State.Order.plan)
            [System.IO.File]::WriteAllBytes((Join-Path $work 'plan.json'), $plan)
        }
        $process = Start-Program $Program $State.Order.line $work
        $answer = $process.StandardOutput.ReadToEndAsync()
        while ($null -ne ($said = $process.StandardError.ReadLine())) { Write-Text 'said' $said }
        $process.WaitForExit()
        Write-Text 'answer' $answer.Result
        'rdpdoctor ended ' + $process.ExitCode
    } finally {
        try { [System.IO.Directory]::Delete($work, $true) } catch { $null = $_ }
    }
}

# Nobody can change the program as long as it is held.
function Complete-Run([string]$Program) {
    if (-not [System.IO.File]::Exists($Program)) { return 'rdpdoctor missing' }
    Confirm-Owner (New-Object System.IO.FileInfo $Program)
    $held = [System.IO.File]::Open($Program, 'Open', 'Read', 'Read')
    try {
        if ((Get-Sum $held) -cne $State.Order.sha256) { return 'rdpdoctor missing' }
        Invoke-Program $Program
    } finally {
        $held.Close()
    }
}

function Read-Order([string]$Line) {
    Confirm-Machine
    $json = [System.Text.Encoding]::UTF8.GetString([System.Convert]::FromBase64String($Line))
    $State.Order = ConvertFrom-Json $json
    Open-ProgramFolder
    if ($State.Order.work -ceq 'copy') { Start-Copy }
}

function Receive-Line([string]$Line) {
    if ($State.Over) { return }
    # Here nothing of the above may be called.
    if ([string]$ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
        $State.Over = $true
        return 'rdpdoctor denied language'
    }
    try {
        if ($Line -ceq '.') { $State.Whole = $true }
        elseif (-not $State.Order) { Read-Order $Line }
        else { Add-Piece $Line }
    } catch {
        $State.Over = $true
        'rdpdoctor denied ' + (Get-Reason $_)
    }
}

# An order that was cut off is not carried out.
function Complete-Input {
    try {
        if ($State.Over -or -not $State.Whole) { return }
        $program = Join-Path $State.Folder 'rdpdoctor.exe'
        if ($State.Order.work -ceq 'copy') { Complete-Copy $program } else { Complete-Run $program }
    } catch {
        'rdpdoctor denied ' + (Get-Reason $_)
    } finally {
        if ($State.Stream) {
            $State.Stream.Close()
            [System.IO.File]::Delete($State.Part)
        }
    }
}
