# Accounts, groups and rights, by SID: their names are in the language of the machine.
function Find-Members([string]$Group) {
    try { return Get-LocalGroupMember -SID $Group | Select-Object -First $Most | ForEach-Object { [string]$_.SID } }
    catch { if (-not $Full) { throw } }
    # Where a member was deleted Get-LocalGroupMember fails as a whole; ADSI does not.
    $name = (New-Object System.Security.Principal.SecurityIdentifier $Group).Translate([System.Security.Principal.NTAccount]).Value
    $found = [ADSI]('WinNT://./' + ($name -replace '^.*\\', '') + ',group')
    foreach ($member in (@($found.Invoke('Members')) | Select-Object -First $Most)) {
        $bytes = $member.GetType().InvokeMember('objectSid', 'GetProperty', $null, $member, $null)
        (New-Object System.Security.Principal.SecurityIdentifier @($bytes, 0)).Value
    }
}

function Get-Members([string]$Group, [string]$Code) {
    try { $members = Format-Seen (Format-Texts @(Find-Members $Group)) }
    catch { $members = Format-Unread (Get-Reason $_) }
    Write-Fact ('{"kind":"group-members","group":' + (Format-Text $Group) + ',"members":') ($members + '}') $Code
}

# The bits of a right to sign in (ntsecapi.h, SECURITY_ACCESS_*), as SYSTEM finds them in the registry.
$RightBits = @{
    SeInteractiveLogonRight = 1; SeNetworkLogonRight = 2; SeBatchLogonRight = 4; SeServiceLogonRight = 16
    SeDenyInteractiveLogonRight = 64; SeDenyNetworkLogonRight = 128; SeDenyBatchLogonRight = 256
    SeDenyServiceLogonRight = 512; SeRemoteInteractiveLogonRight = 1024; SeDenyRemoteInteractiveLogonRight = 2048
}

function Find-Holders([string]$Right) {
    $accounts = 'HKLM\SECURITY\Policy\Accounts'
    $names = Read-Names $accounts $false
    foreach ($sid in $names) {
        if ((Read-Value ($accounts + '\' + $sid + '\ActSysAc') '') -match '"data":"([0-9a-f]{8})"') {
            if ((Read-Little $Matches[1] 0) -band $RightBits[$Right]) { $sid }
        }
    }
}

# Whoever is not SYSTEM asks secedit, which writes a file; it is taken away again.
function Find-Exported([string]$Right) {
    if ($null -eq $script:Exported) {
        $file = $env:TEMP + '\rdpdoctor-' + $PID + '.inf'
        try {
            $null = Invoke-Program 'secedit.exe' @('/export', '/areas', 'USER_RIGHTS', '/cfg', $file)
            $script:Exported = @(Get-Content -LiteralPath $file)
        } finally { Remove-Item -LiteralPath $file -Force -ErrorAction SilentlyContinue }
    }
    foreach ($line in $script:Exported) {
        if ($line -match ('^\s*' + $Right + '\s*=\s*(.*)$')) {
            foreach ($holder in ($Matches[1] -split ',')) {
                $holder = $holder.Trim()
                if ($holder -match '^\*(S-[-0-9]+)$') { $Matches[1] }
                elseif ($holder) { (New-Object System.Security.Principal.NTAccount $holder).Translate([System.Security.Principal.SecurityIdentifier]).Value }
            }
        }
    }
}

function Get-Right([string]$Right, [string]$Code) {
    try {
        if ($IsSystem -and $RightBits.ContainsKey($Right)) { $found = @(Find-Holders $Right) } else { $found = @(Find-Exported $Right) }
        $holders = $Absent
        if ($found.Count -gt 0) { $holders = Format-Seen (Format-Texts $found) }
    } catch {
        $why = Get-Reason $_
        if ($why -ne 'access denied' -and $Groups -notmatch 'S-1-16-(12288|16384)') { $why = 'access denied' }
        $holders = Format-Unread $why
    }
    Write-Fact ('{"kind":"account-right","right":' + (Format-Text $Right) + ',"holders":') ($holders + '}') $Code
}

# UF_* flags: disabled, locked out, needs no password, password expired.
function Format-Account($Account, $Details) {
    $flags = 0
    if ($Account.Disabled) { $flags = $flags + 2 }
    if ($Account.Lockout) { $flags = $flags + 16 }
    if (-not $Account.PasswordRequired) { $flags = $flags + 32 }
    $expires = ''
    foreach ($detail in $Details) {
        if ([string]$detail.SID -eq $Account.SID) {
            if ($detail.PasswordExpires -and $detail.PasswordExpires -lt (Get-Date)) { $flags = $flags + 8388608 }
            if ($detail.AccountExpires) { $expires = ',"expires":' + (Format-Moment $detail.AccountExpires) }
        }
    }
    '{"name":' + (Format-Text $Account.Name) + ',"sid":' + (Format-Text $Account.SID) + ',"flags":' + $flags + $expires + '}'
}

function Get-Accounts([string]$Code) {
    try {
        $details = @()
        try { $details = @(Get-LocalUser) } catch { $details = @() }
        $all = @(Get-CimInstance -ClassName Win32_UserAccount -Filter 'LocalAccount=True' -OperationTimeoutSec 60 | Select-Object -First 200 | ForEach-Object { Format-Account $_ $details })
        $accounts = Format-Seen ('[' + ($all -join ',') + ']')
    } catch { $accounts = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"local-accounts","accounts":' ($accounts + '}') $Code
}

# Names alone, and only of Remote Desktop. A colon behind a word is in every language, "target=" too.
function Get-SavedCredentials([string]$Code) {
    try {
        if ($IsSystem) { $entries = Format-Unread 'the script ran as SYSTEM, not as the user' }
        else {
            $lines = @(Invoke-Program 'cmdkey.exe' @('/list'))
            $found = @($lines | ForEach-Object { if ($_ -match '[=:\s](TERMSRV/\S+)') { '{"target":' + (Format-Text $Matches[1]) + '}' } })
            $entries = Format-Seen ('[' + (($found | Select-Object -First $Most) -join ',') + ']')
        }
    } catch { $entries = Format-Unread (Get-Reason $_) }
    Write-Fact '{"kind":"saved-credentials","entries":' ($entries + '}') $Code
}
