# Entries of an event log, by provider and number; their texts are in the language of the machine.
$EventFields = @(
    @('user', 'TargetUserName AccountName UserName User Param1', 'text'),
    @('domain', 'TargetDomainName AccountDomain DomainName', 'text'),
    @('workstation', 'WorkstationName ClientName Workstation', 'text'),
    @('session_id', 'SessionID Session TargetSession', 'number'),
    @('logon_type', 'LogonType', 'number'),
    @('package', 'AuthenticationPackageName', 'text'),
    @('status', 'Status', 'number'),
    @('sub_status', 'SubStatus', 'number'),
    @('reason', 'Reason ReasonCode', 'number'),
    @('error', 'ErrorCode ResultCode ReturnCode Error', 'number'),
    @('tls_error_state', 'ErrorState ErrorStatus', 'number'),
    @('alert', 'AlertDesc', 'number'),
    @('process', 'CallerProcessImageName', 'text')
)

# A number of an event, decimal or hexadecimal; a signed one keeps its bits.
function Read-EventNumber([string]$Text) {
    $Text = $Text.Trim() -replace '^%%', ''
    if ($Text -match '^0x[0-9a-fA-F]{1,8}$') { return [int64]$Text -band 4294967295 }
    if ($Text -match '^-?\d{1,10}$' -and [int64]$Text -ge -2147483648 -and [int64]$Text -le 4294967295) { return [int64]$Text -band 4294967295 }
}

function Format-EventFields($Entry) {
    if (-not $Full) { return '' }
    $named = @{}
    $document = [xml]$Entry.ToXml()
    foreach ($node in $document.SelectNodes('//*[local-name()="EventData"]/*[@Name]')) { $named[$node.GetAttribute('Name')] = $node.InnerText }
    foreach ($node in $document.SelectNodes('//*[local-name()="UserData"]/*/*')) { $named[$node.LocalName] = $node.InnerText }
    $shown = ''
    foreach ($field in $EventFields) {
        foreach ($name in ($field[1] -split ' ')) {
            $text = [string]$named[$name]
            if ($text.Trim() -eq '' -or $text -eq '-' -or ($name -eq 'Param1' -and $Entry.Id -ne 1149)) { continue }
            if ($text.Length -gt 256) { $text = $text.Substring(0, 256) }
            if ($field[2] -eq 'text') { $shown = $shown + ',"' + $field[0] + '":' + (Format-Text $text) } else {
                $number = Read-EventNumber $text
                if ($null -ne $number) { $shown = $shown + ',"' + $field[0] + '":' + $number }
            }
            break
        }
    }
    $shown
}

function Get-Events([string]$Channel, [string]$Provider, $Numbers) {
    # A filter takes some twenty numbers.
    $all = @($Numbers)
    $found = @()
    for ($from = 0; $from -eq 0 -or $from -lt $all.Count; $from += 20) {
        $chosen = (@($all | Select-Object -Skip $from -First 20) | ForEach-Object { 'EventID=' + $_ }) -join ' or '
        $wanted = 'Provider[@Name="' + $Provider + '"]'
        if ($chosen) { $wanted = $wanted + ' and (' + $chosen + ')' }
        try { $found = $found + @(Get-WinEvent -LogName $Channel -FilterXPath ('*[System[' + $wanted + ']]') -MaxEvents 20) }
        catch { continue }
    }
    $found = @($found | Sort-Object -Property TimeCreated -Descending | Select-Object -First 20)
    for ($i = $found.Count - 1; $i -ge 0; $i--) {
        $entry = $found[$i]
        $fields = ''
        try { $fields = Format-EventFields $entry } catch { $fields = '' }
        $shown = '{"kind":"windows-event","provider":' + (Format-Text $entry.ProviderName) + ',"event_id":' + $entry.Id + ',"channel":' + (Format-Text $entry.LogName)
        Write-Fact ($shown + ',"computer":' + (Format-Text $entry.MachineName) + $fields) '}' ''
    }
}
