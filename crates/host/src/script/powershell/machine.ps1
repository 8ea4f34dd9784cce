# The rest of the machine.

# WTS_CONNECTSTATE_CLASS of a line of qwinsta, whose words are in the language of the machine: who
# listens has a number above 65535, who is disconnected has no station, who is active has a user.
function Format-Session([string]$Line) {
    if ($Line -notmatch '^([ >])(\S*)\s+(.*?)\s+(\d+)  (\S+)') { return }
    $mark = $Matches[1]
    $station = $Matches[2]
    $user = $Matches[3]
    $number = [int64]$Matches[4]
    $state = 1
    if ($Matches[5] -eq 'Down') { $state = 8 }
    elseif ($number -ge 65536) { $state = 6 }
    elseif ($station -eq '' -or $station -eq 'services') { $state = 4 }
    elseif ($user -ne '') { $state = 0 }
    $shown = '{"session":' + $number + ',"state":' + $state + ',"station":' + (Format-Text $station)
    if ($user -ne '') { $shown = $shown + ',"user":' + (Format-Text $user) }
    if ($mark -eq '>') { $shown = $shown + ',"own":true' }
    $shown + '}'
}

function Get-Sessions([string]$Code) {
    try {
        $found = @(Invoke-Program 'qwinsta.exe' @() | Select-Object -First $Most | ForEach-Object { Format-Session $_ })
        if ($found.Count -gt 0) { $sessions = Format-Seen ('[' + ($found -join ',') + ']') }
        else { $sessions = Format-Unread 'qwinsta answered nothing' }
    } catch { $sessions = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"windows-sessions","sessions":' ($sessions + '}') $Code
}

function Get-Volumes([string]$Code) {
    try {
        $found = @(Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType=3' -OperationTimeoutSec 60 | Where-Object { $_.Size } | ForEach-Object {
            '{"path":' + (Format-Text $_.DeviceID) + ',"total":' + $_.Size + ',"free":' + $_.FreeSpace + '}'
        })
        $volumes = Format-Seen ('[' + ($found -join ',') + ']')
    } catch { $volumes = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"volumes","volumes":' ($volumes + '}') $Code
}

function Format-Adapter($Adapter, $Settings, $Networks) {
    $addresses = @()
    foreach ($setting in $Settings) {
        if ($setting.InterfaceIndex -eq $Adapter.InterfaceIndex) { $addresses = @($setting.IPAddress | Where-Object { $_ } | ForEach-Object { $_ -replace '%.*$', '' }) }
    }
    $up = 'false'
    if ($Adapter.NetConnectionStatus -eq 2) { $up = 'true' }
    $category = ''
    foreach ($network in $Networks) {
        if ($network.InterfaceIndex -eq $Adapter.InterfaceIndex) { $category = ',"category":' + [int]$network.NetworkCategory }
    }
    '{"name":' + (Format-Text $Adapter.NetConnectionID) + ',"description":' + (Format-Text $Adapter.Description) + ',"up":' + $up + ',"addresses":' + (Format-Texts $addresses) + $category + '}'
}

function Get-Adapters([string]$Code) {
    try {
        $networks = @()
        try { $networks = @(Get-NetConnectionProfile) } catch { $networks = @() }
        $settings = @(Get-CimInstance -ClassName Win32_NetworkAdapterConfiguration -OperationTimeoutSec 60)
        $found = @(Get-CimInstance -ClassName Win32_NetworkAdapter -OperationTimeoutSec 60 | Where-Object { $_.NetConnectionID } | Select-Object -First 64 | ForEach-Object { Format-Adapter $_ $settings $networks })
        $adapters = Format-Seen ('[' + ($found -join ',') + ']')
    } catch { $adapters = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"network-adapters","adapters":' ($adapters + '}') $Code
}

function Get-Updates([string]$Code) {
    try {
        $found = @(Get-CimInstance -ClassName Win32_QuickFixEngineering -OperationTimeoutSec 60 | Where-Object { $_.HotFixID -match '^KB\d+$' } | ForEach-Object { $_.HotFixID })
        $updates = Format-Seen (Format-Texts $found)
    } catch { $updates = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"installed-updates","updates":' ($updates + '}') $Code
}

# Of a setting powercfg prints its values in hexadecimal at last: on mains power, then on battery.
function Read-Power([string]$Setting) {
    try {
        $words = (Invoke-Program 'powercfg.exe' @('/query', 'SCHEME_CURRENT', 'SUB_SLEEP', $Setting)) -join ' '
        if ($words -notmatch '0x([0-9a-fA-F]{8})(?:(?!0x).)*0x[0-9a-fA-F]{8}\s*$') { return Format-Unread 'powercfg does not tell' }
        $seconds = [int64]('0x' + $Matches[1])
        if ($seconds -eq 0) { return $Absent }
        return Format-Seen ('' + $seconds)
    } catch { return Format-Unread (Get-Reason $_) }
}

function Get-Power([string]$Code) {
    Write-Fact '{"kind":"power-plan","sleep_after":' ((Read-Power 'STANDBYIDLE') + ',"hibernate_after":' + (Read-Power 'HIBERNATEIDLE') + '}') $Code
}

# The clock is held against the domain's, else against the internet's: one NTP question.
function Get-Clock {
    $against = 'time.windows.com'
    try {
        $own = Get-CimInstance -ClassName Win32_ComputerSystem -OperationTimeoutSec 60
        if ($own.PartOfDomain) { $against = $own.Domain }
    } catch { $against = 'time.windows.com' }
    try {
        $words = (Invoke-Program 'w32tm.exe' @('/stripchart', ('/computer:' + $against), '/samples:1', '/dataonly')) -join ' '
        if ($words -match '([+-])(\d{1,12})[.,](\d{3})\d*s') {
            $milliseconds = [int64]($Matches[2] + $Matches[3])
            if ($Matches[1] -eq '+') { $milliseconds = -$milliseconds }
            $ahead = Format-Seen ('' + $milliseconds)
        } else { $ahead = Format-Unread ($against + ' did not answer') }
    } catch { $ahead = Format-Unread (Get-Reason $_) }
    Write-Fact ('{"kind":"clock-offset","against":' + (Format-Text $against) + ',"ahead_ms":') ($ahead + '}') ''
}
