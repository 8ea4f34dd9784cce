# What the users' own places hold, as far as a script reads it: the list of profiles, the hosts file,
# and how long the licensing's grace period still is.
function Get-Profiles([string]$Key, [string]$Code) {
    Write-Key $Key (Read-Subkeys $Key) '' $Code
    $names = $null
    try { $names = Read-Names $Key $false } catch { return }
    foreach ($name in ($names | Where-Object { $_ -like 'S-1-5-21-*' -or $_ -like 'S-1-12-1-*' } | Select-Object -First 200)) {
        Get-Value ($Key + '\' + $name) 'State' ''
        Get-Value ($Key + '\' + $name) 'ProfileImagePath' ''
    }
}

function Get-Hosts {
    $path = $env:SystemRoot + '\System32\drivers\etc\hosts'
    try {
        $lines = @(Get-Content -LiteralPath ($System32 + '\drivers\etc\hosts') -TotalCount $Most)
        $found = foreach ($line in $lines) {
            if ($line -match '^\s*((?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)\s+([^#]*[^#\s])') {
                $address = $Matches[1]
                '{"address":' + (Format-Text $address) + ',"host_names":' + (Format-Texts @($Matches[2].Trim() -split '\s+')) + '}'
            }
        }
        $entries = Format-Seen ('[' + (@($found) -join ',') + ']')
    } catch {
        $entries = Format-Unread (Get-Reason $_)
        if (Test-Missing $_) { $entries = $Absent }
    }
    Write-Fact ('{"kind":"windows-hosts","path":' + (Format-Text $path) + ',"entries":') ($entries + '}') ''
}

function Get-LicenseGrace([string]$Code) {
    try {
        $own = Get-CimInstance -Namespace root/cimv2/TerminalServices -ClassName Win32_TerminalServiceSetting -OperationTimeoutSec 60
        $answer = Invoke-CimMethod -InputObject $own -MethodName GetGracePeriodDays
        if ($answer.ReturnValue -eq 0) { $days = Format-Seen ('' + [int64]$answer.DaysLeft) } else { $days = $Absent }
    } catch { $days = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"license-grace","days":' ($days + '}') $Code
}

# The user's own files hold names that nobody asked for.
function Get-NotRead([string]$Path, [string]$Code) {
    Write-Fact ('{"kind":"client-defaults","path":' + (Format-Text $Path) + ',"settings":') ((Format-Unread 'the script does not read it') + '}') $Code
}
