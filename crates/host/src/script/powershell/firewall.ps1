# Inbound rules that can decide about Remote Desktop: its port and service, or whatever comes in.
function Test-Rule([string]$Rule, [int64]$Port) {
    if ($Rule -notmatch '\|Dir=In\|' -or $Rule -match '\|(AppPkgId|LUOwn|PFN)=') { return $false }
    if ($Rule -match '\|Protocol=(\d+)' -and $Matches[1] -ne '6' -and $Matches[1] -ne '256') { return $false }
    if ($Rule -match '\|Svc=([^|]*)' -and $Matches[1] -ne '*' -and $Matches[1] -ne 'termservice') { return $false }
    if ($Rule -match '\|App=([^|]*)' -and $Matches[1] -notlike '*\svchost.exe') { return $false }
    if ($Rule -notmatch '\|LPort') { return $true }
    foreach ($range in @($Rule -split '\|' | Where-Object { $_ -match '^LPort(2_10)?=\d{1,5}(-\d{1,5})?$' })) {
        $low, $high = ($range -replace '^.*=', '') -split '-'
        if (-not $high) { $high = $low }
        if ([int]$low -le $Port -and $Port -le [int]$high) { return $true }
    }
    $false
}

function Get-FirewallRules($Keys, $Codes) {
    $port = Read-Number $Listener 'PortNumber' 3389
    for ($i = 0; $i -lt $Keys.Count; $i++) {
        $key = $Keys[$i]
        try {
            $names = Read-Names $key $true
            if ($null -eq $names) {
                Write-Key $key $Absent '' $Codes[$i]
                continue
            }
            Write-Key $key (Format-Seen '[]') (',"values":' + $names.Count) $Codes[$i]
            $rules = @{}
            if ($Full) {
                $open = Open-Key $key
                foreach ($name in $names) { $rules[$name] = [string]$open.GetValue($name) }
            } else {
                foreach ($property in (Get-ItemProperty -LiteralPath (Get-KeyPath $key)).PSObject.Properties) { $rules[$property.Name] = [string]$property.Value }
            }
            $kept = @($names | Where-Object { $_ -clike 'RemoteDesktop-*' -or (Test-Rule $rules[$_] $port) })
            foreach ($name in ($kept | Select-Object -First 200)) { Get-Value $key $name '' }
        } catch { Write-Key $key (Format-Unread (Get-Reason $_)) '' $Codes[$i] }
    }
}
