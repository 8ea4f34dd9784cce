# It reads, and changes nothing. Without the rights of an administrator it reads less and says so.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$Most = 1000
$Absent = '{"lookup":"absent"}'
$Full = $ExecutionContext.SessionState.LanguageMode -eq 'FullLanguage'
$Wow = [bool]$env:PROCESSOR_ARCHITEW6432
$System32 = $env:SystemRoot + '\System32'
if ($Wow) { $System32 = $env:SystemRoot + '\SysNative' }

# A JSON string, in ASCII. Half a surrogate pair is no character.
function Format-Text([string]$Text) {
    if ($Text.Length -gt 8192) { $Text = $Text.Substring(0, 8192) }
    if ($Text -cnotmatch '[^ !#-\[\]-~]') { return '"' + $Text + '"' }
    $shown = for ($i = 0; $i -lt $Text.Length; $i++) {
        $number = [int]$Text[$i]
        if ($number -eq 34 -or $number -eq 92) { '\' + $Text[$i] }
        elseif ($number -ge 32 -and $number -le 126) { $Text[$i] }
        elseif ($number -ge 55296 -and $number -le 57343) {
            $next = 0
            if ($i + 1 -lt $Text.Length) { $next = [int]$Text[$i + 1] }
            if ($number -le 56319 -and $next -ge 56320 -and $next -le 57343) {
                ('\u{0:x4}' -f $number) + ('\u{0:x4}' -f $next)
                $i++
            } else { '\ufffd' }
        } else { '\u{0:x4}' -f $number }
    }
    '"' + ($shown -join '') + '"'
}

function Format-Texts($Texts) {
    $shown = @(@($Texts) | Where-Object { $null -ne $_ } | Select-Object -First $Most | ForEach-Object { Format-Text $_ })
    '[' + ($shown -join ',') + ']'
}

function Format-Seen([string]$Json) { '{"lookup":"seen","value":' + $Json + '}' }

function Format-Unread([string]$Why) { '{"lookup":"unavailable","why":' + (Format-Text $Why) + '}' }

# A moment in UTC; the form 's' is the same in every language and calendar.
function Format-Moment($Moment) { '"' + $Moment.ToUniversalTime().ToString('s') + 'Z"' }

function Format-Bytes($Bytes) {
    $shown = foreach ($byte in $Bytes) { '{0:x2}' -f $byte }
    '"' + ($shown -join '') + '"'
}

# Whether an error says that there is no such thing. Category and number are in no language.
function Test-Missing($Failure) { [string]$Failure.CategoryInfo.Category -eq 'ObjectNotFound' -and $Failure.FullyQualifiedErrorId -notlike 'CommandNotFound*' }

# Why something could not be looked at.
function Get-Reason($Failure) {
    $kind = [string]$Failure.CategoryInfo.Category + ' ' + $Failure.CategoryInfo.Reason + ' ' + $Failure.FullyQualifiedErrorId
    if ($kind -match 'PermissionDenied|SecurityException|SecurityError|UnauthorizedAccess|AccessDenied|0x80070005|0x80041003') { return 'access denied' }
    if ($kind -match 'ConstrainedLanguage|CannotCreateTypeConstrained') { return 'not allowed in Constrained Language Mode' }
    if ($kind -match 'CommandNotFound') { return 'this Windows has no command for it' }
    if ([string]$Failure.CategoryInfo.Category -eq 'OperationStopped') { return $Failure.FullyQualifiedErrorId }
    'PowerShell says ' + $Failure.FullyQualifiedErrorId
}

# A program of Windows; its words are lines.
function Invoke-Program([string]$Name, $Arguments) {
    $path = $System32 + '\' + $Name
    # A word on standard error would end it otherwise.
    $ErrorActionPreference = 'Continue'
    & $path $Arguments 2>$null
}

$Me = ''
$Groups = ''
try { $Me = (Invoke-Program 'whoami.exe' @('/user')) -join ' ' } catch { $Me = '' }
try { $Groups = (Invoke-Program 'whoami.exe' @('/groups')) -join ' ' } catch { $Groups = '' }
$IsSystem = $Me -match 'S-1-5-18(\D|$)'

# Whatever becomes of one question, the others are asked.
function Ask($Question) {
    try { & $Question } catch { return }
}

function Get-FactsOf {
    $elevated = 'false'
    if ($Groups -match 'S-1-16-(12288|16384)') { $elevated = 'true' }
    $shown = '{"kind":"facts-of","computer":' + (Format-Text $env:COMPUTERNAME) + ',"collected_at":' + (Format-Moment (Get-Date)) + ',"way":"script"'
    if ($Groups -match 'S-1-') { $shown = $shown + ',"elevated":' + $elevated }
    Write-Fact $shown '}' ''
}
