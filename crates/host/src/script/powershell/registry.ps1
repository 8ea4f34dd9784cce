# The registry. HKLM and HKCU are those of 64 bits, whatever PowerShell this is.
$Opened = @{}
function Open-Key([string]$Key) {
    $hive, $rest = $Key -split '\\', 2
    $name = 'LocalMachine'
    if ($hive -eq 'HKCU') { $name = 'CurrentUser' }
    if (-not $Opened.ContainsKey($name)) { $Opened[$name] = [Microsoft.Win32.RegistryKey]::OpenBaseKey($name, 'Registry64') }
    $Opened[$name].OpenSubKey($rest)
}

# Where Constrained Language Mode reads a key; a name with a slash is another one there.
function Get-KeyPath([string]$Key) {
    if ($Key.Contains('/')) { throw 'ConstrainedLanguage' }
    if ($Wow -and $Key -like 'HKLM\SOFTWARE\*') { throw 'ConstrainedLanguage' }
    'Registry::' + ($Key -replace '^HKLM\\', 'HKEY_LOCAL_MACHINE\' -replace '^HKCU\\', 'HKEY_CURRENT_USER\')
}

# Why nothing of a key is read here; nothing when it is.
function Test-Forbidden([string]$Key) {
    if ($IsSystem -and $Key -like 'HKCU\*') { 'the script ran as SYSTEM, not as the user' }
}

function Format-Data($Data, [string]$Kind, [int]$MostBytes) {
    if ($Kind -eq 'DWord' -or $Kind -eq 'System.Int32') { return Format-Seen ('{"type":"dword","data":' + ([int64]$Data -band 4294967295) + '}') }
    if ($Kind -eq 'QWord' -or $Kind -eq 'System.Int64') {
        $number = [decimal]$Data
        if ($number -lt 0) { $number = $number + 18446744073709551616d }
        return Format-Seen ('{"type":"qword","data":' + $number + '}')
    }
    if ($Kind -eq 'String' -or $Kind -eq 'System.String') { return Format-Seen ('{"type":"text","data":' + (Format-Text $Data) + '}') }
    if ($Kind -eq 'ExpandString') { return Format-Seen ('{"type":"expand-text","data":' + (Format-Text $Data) + '}') }
    if ($Kind -eq 'MultiString' -or $Kind -eq 'System.String[]') { return Format-Seen ('{"type":"texts","data":' + (Format-Texts $Data) + '}') }
    if ($Data -is [byte[]]) {
        if ($Data.Length -gt $MostBytes) { return Format-Unread ('it holds ' + $Data.Length + ' bytes') }
        return Format-Seen ('{"type":"binary","data":' + (Format-Bytes $Data) + '}')
    }
    Format-Unread ('it is of type ' + $Kind)
}

# What a value holds, as one of the three answers.
function Read-Value([string]$Key, [string]$Name, [int]$MostBytes = 4096) {
    try {
        $why = Test-Forbidden $Key
        if ($why) { return Format-Unread $why }
        if ($Full) {
            $open = Open-Key $Key
            if ($null -eq $open) { return $Absent }
            $data = $open.GetValue($Name, $null, 'DoNotExpandEnvironmentNames')
            if ($null -eq $data) { return $Absent }
            return Format-Data $data ([string]$open.GetValueKind($Name)) $MostBytes
        }
        $shown = $Name
        if ($Name -eq '') { $shown = '(default)' }
        $all = Get-ItemProperty -LiteralPath (Get-KeyPath $Key)
        if ($null -eq $all) { return $Absent }
        foreach ($property in $all.PSObject.Properties) {
            if ($property.Name -eq $shown) { return Format-Data $property.Value $property.TypeNameOfValue $MostBytes }
        }
        return $Absent
    } catch {
        if (Test-Missing $_) { return $Absent }
        return Format-Unread (Get-Reason $_)
    }
}

# The number that a value holds, or another one.
function Read-Number([string]$Key, [string]$Name, $Otherwise) {
    if ((Read-Value $Key $Name) -match '"type":"[dq]word","data":(\d+)') { return [int64]$Matches[1] }
    $Otherwise
}

# The names of values or keys in a key; nothing when there is no such key.
function Read-Names([string]$Key, [bool]$Values) {
    $why = Test-Forbidden $Key
    if ($why) { throw $why }
    if ($Full) {
        $open = Open-Key $Key
        if ($null -eq $open) { return $null }
        if ($Values) { return , @($open.GetValueNames()) }
        return , @($open.GetSubKeyNames())
    }
    try {
        $path = Get-KeyPath $Key
        if (-not $Values) { return , @(Get-ChildItem -LiteralPath $path | ForEach-Object { $_.PSChildName }) }
        $item = Get-Item -LiteralPath $path
        return , @($item.Property | ForEach-Object { if ($_ -eq '(default)') { '' } else { $_ } })
    } catch {
        if (Test-Missing $_) { return $null }
        throw
    }
}

function Get-Owner([string]$Key) {
    if ($Key -like '*\PolicyManager\*' -or $Key -like '*\FirewallPolicy\Mdm\*') { return ',"owner":{"by":"mdm"}}' }
    if ($Key -like '*\SOFTWARE\Policies\*') { return ',"owner":{"by":"group-policy","name":null}}' }
    ',"owner":{"by":"local"}}'
}

function Write-Value([string]$Key, [string]$Name, [string]$Lookup, [string]$Code) {
    $head = '{"kind":"registry-value","key":' + (Format-Text $Key) + ',"name":' + (Format-Text $Name) + ',"data":'
    Write-Fact $head ($Lookup + (Get-Owner $Key)) $Code
}

function Get-Value([string]$Key, [string]$Name, [string]$Code) { Write-Value $Key $Name (Read-Value $Key $Name) $Code }

function Write-Key([string]$Key, [string]$Subkeys, [string]$Count, [string]$Code) {
    Write-Fact ('{"kind":"registry-key","key":' + (Format-Text $Key) + ',"subkeys":') ($Subkeys + $Count + '}') $Code
}

# The three answers about the keys in a key.
function Read-Subkeys([string]$Key) {
    try {
        $names = Read-Names $Key $false
        if ($null -eq $names) { return $Absent }
        return Format-Seen (Format-Texts $names)
    } catch { return Format-Unread (Get-Reason $_) }
}

function Get-Subkeys([string]$Key, [string]$Code) { Write-Key $Key (Read-Subkeys $Key) '' $Code }

function Get-Values([string]$Key, [string]$Code) {
    try {
        $names = Read-Names $Key $true
        if ($null -eq $names) { return Write-Key $Key $Absent '' $Code }
        Write-Key $Key (Read-Subkeys $Key) (',"values":' + $names.Count) $Code
        foreach ($name in ($names | Select-Object -First $Most)) { Get-Value $Key $name '' }
    } catch { Write-Key $Key (Format-Unread (Get-Reason $_)) '' $Code }
}

function Get-ValueOfEach([string]$Key, [string]$Name, [string]$Code) {
    Write-Key $Key (Read-Subkeys $Key) '' $Code
    $names = $null
    try { $names = Read-Names $Key $false } catch { return }
    foreach ($subkey in ($names | Select-Object -First $Most)) { Get-Value ($Key + '\' + $subkey) $Name '' }
}
