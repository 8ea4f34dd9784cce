# Files and folders.
function Expand-Place([string]$Path) {
    $Path = $Path -replace '^%(SystemRoot|windir)%', $env:SystemRoot
    $Path = $Path -replace '^%SystemDrive%', $env:SystemDrive
    $Path -replace '^%(ProgramData|AllUsersProfile)%', $env:ProgramData
}

function Get-RealPath([string]$Path) {
    $redirected = $env:SystemRoot + '\System32\'
    if ($Wow -and $Path -like ($redirected + '*')) { return $System32 + '\' + $Path.Substring($redirected.Length) }
    $Path
}

# A file is absent where its folder can be listed and it is not in it, or where the folder is absent.
function Test-Absent([string]$Path) {
    while ($Path.Length -gt 3 -and $Path.Contains('\')) {
        $Path = $Path.Substring(0, $Path.LastIndexOf('\'))
        if ($Path.Length -lt 3) { $Path = $Path + '\' }
        try {
            $null = Get-ChildItem -LiteralPath $Path -Force | Select-Object -First 1
            return $true
        } catch {
            if (-not (Test-Missing $_)) { return $false }
        }
    }
    $false
}

function Read-File([string]$Path) {
    $real = Get-RealPath $Path
    try {
        $item = Get-Item -LiteralPath $real -Force
        $length = 0
        $version = ''
        if (-not $item.PSIsContainer) {
            $length = $item.Length
            try {
                $info = $item.VersionInfo
                $shown = '' + $info.FileMajorPart + '.' + $info.FileMinorPart + '.' + $info.FileBuildPart + '.' + $info.FilePrivatePart
                if ($shown -match '[1-9]') { $version = ',"version":' + (Format-Text $shown) }
            } catch { $version = '' }
        }
        try { $access = Format-Seen (Format-Text (Get-Acl -LiteralPath $real).Sddl) }
        catch { $access = Format-Unread (Get-Reason $_) }
        $modified = Format-Moment $item.LastWriteTimeUtc
        return Format-Seen ('{"length":' + $length + ',"modified":' + $modified + $version + ',"access":' + $access + '}')
    } catch {
        if (-not (Test-Missing $_)) { return Format-Unread (Get-Reason $_) }
        if (Test-Absent $real) { return $Absent }
        return Format-Unread 'access denied'
    }
}

# The code stands for the path of a Windows that lies in C:\Windows, as nearly every one does.
function Get-File([string]$Path, [string]$Code) {
    $place = Expand-Place $Path
    if ($env:SystemRoot -ne 'C:\Windows' -or $env:ProgramData -ne 'C:\ProgramData') { $Code = '' }
    Write-Fact ('{"kind":"windows-file","path":' + (Format-Text $place) + ',"state":') ((Read-File $place) + '}') $Code
}

function Get-Folder([string]$Path, [string]$Code) {
    $place = Expand-Place $Path
    Get-File $place $Code
    try { $names = Get-ChildItem -LiteralPath (Get-RealPath $place) -Force | Select-Object -First $Most | ForEach-Object { $_.Name } }
    catch { return }
    foreach ($name in $names) { Get-File ($place + '\' + $name) '' }
}
