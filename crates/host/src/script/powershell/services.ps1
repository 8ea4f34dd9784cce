# Services, and who listens. WMI is asked once, and its silence is survived.
$ServiceTable = @()
try { $ServiceTable = @(Get-CimInstance -ClassName Win32_Service -Property Name, ProcessId, ExitCode -OperationTimeoutSec 60) } catch { $ServiceTable = @() }

function Get-ServiceState([string]$Name, $Codes) {
    try {
        $current = [int](Get-Service -Name $Name).Status
        $process = 0
        $ended = 0
        foreach ($row in $ServiceTable) {
            if ($row.Name -eq $Name) {
                $process = $row.ProcessId
                $ended = $row.ExitCode
            }
        }
        $state = Format-Seen ('{"current":' + $current + ',"process":' + $process + ',"exit_code":' + $ended + '}')
    } catch {
        if (Test-Missing $_) { $state = $Absent } else { $state = Format-Unread (Get-Reason $_) }
    }
    Write-Fact ('{"kind":"windows-service","name":' + (Format-Text $Name) + ',"state":') ($state + '}') $Codes[0]
    $key = 'HKLM\SYSTEM\CurrentControlSet\Services\' + $Name
    Get-Value $key 'Start' $Codes[1]
    Get-Value $key 'Type' $Codes[2]
    Get-Value $key 'ObjectName' $Codes[3]
    Get-Value $key 'DependOnService' $Codes[4]
}

$Listener = 'HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp'

# Address and process of who listens on a port. Older Windows has netstat alone: whoever waits for
# anybody listens, in every language.
function Find-Listeners([int64]$Port) {
    try {
        return Get-NetTCPConnection -State Listen -LocalPort $Port | ForEach-Object { '' + $_.LocalAddress + ' ' + $_.OwningProcess }
    } catch {
        if (Test-Missing $_) { return }
    }
    foreach ($family in @('TCP', 'TCPv6')) {
        foreach ($line in (Invoke-Program 'netstat.exe' @('-ano', '-p', $family))) {
            if ($line -match '^\s*TCP\s+(\S+):(\d+)\s+\S+:0\s.*?(\d+)\s*$' -and [int64]$Matches[2] -eq $Port) { $Matches[1] + ' ' + $Matches[3] }
        }
    }
}

function Format-Listener([string]$Found) {
    $address, $process = $Found -split ' '
    $address = ($address -replace '[\[\]]', '') -replace '%.*$', ''
    $program = ''
    try { $program = ',"program":' + (Format-Text ((Get-Process -Id $process).ProcessName + '.exe')) } catch { $program = '' }
    $inside = @($ServiceTable | Where-Object { $_.ProcessId -eq $process } | ForEach-Object { $_.Name })
    '{"address":' + (Format-Text $address) + ',"process":' + $process + $program + ',"services":' + (Format-Texts $inside) + '}'
}

function Get-Listeners([string]$Code) {
    $port = Read-Number $Listener 'PortNumber' 3389
    if ($port -ne 3389) { $Code = '' }
    try {
        $found = @(Find-Listeners $port | Select-Object -First 100 | ForEach-Object { Format-Listener $_ })
        $listeners = $Absent
        if ($found.Count -gt 0) { $listeners = Format-Seen ('[' + ($found -join ',') + ']') }
    } catch { $listeners = Format-Unread (Get-Reason $_) }
    Write-Fact ('{"kind":"port-listeners","port":' + $port + ',"listeners":') ($listeners + '}') $Code
}
