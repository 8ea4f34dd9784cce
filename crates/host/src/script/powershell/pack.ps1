# Numbered parts, each with its length and its sum, each to be read without the others.
function Get-Sum([string]$Text) {
    $low = 1
    $high = 0
    foreach ($character in $Text.ToCharArray()) {
        $low = ($low + [int]$character) % 65521
        $high = ($high + $low) % 65521
    }
    '{0:x8}' -f ([int64]$high * 65536 + $low)
}

# Constrained Language Mode has neither GZipStream nor Convert: there the lines themselves travel.
function Get-Body($Lines) {
    $text = $Lines -join "`n"
    if (-not $Full) {
        return $text.Replace('^', '~^').Replace('_', '~_').Replace('`', '~`').Replace('/', '~/').Replace('\\', '/').Replace('\', '~-').Replace('"', '`').Replace(' ', '_').Replace("`n", '^')
    }
    $bytes = [System.Text.Encoding]::ASCII.GetBytes($text)
    $memory = New-Object System.IO.MemoryStream
    $gzip = New-Object System.IO.Compression.GZipStream @($memory, [System.IO.Compression.CompressionMode]::Compress)
    $gzip.Write($bytes, 0, $bytes.Length)
    $gzip.Close()
    [System.Convert]::ToBase64String($memory.ToArray()).TrimEnd('=').Replace('+', '-').Replace('/', '_')
}

# How many of these lines fit, at least one.
function Measure-Fit($Lines) {
    $all = @($Lines)
    $low = 1
    $high = $all.Count
    while ($low -lt $high) {
        $middle = ($low + $high + 1) -shr 1
        if ((Get-Body @($all[0..($middle - 1)])).Length -le $Limit) { $low = $middle } else { $high = $middle - 1 }
    }
    $low
}

# Short decisive lines first, then each long one that still fits, then the others.
function Get-Parts($Decisive, $Others) {
    $first = @($Decisive | Where-Object { $_.Length -lt 700 })
    $later = @()
    $count = Measure-Fit $first
    if ($count -lt $first.Count) { $later = @($first[$count..($first.Count - 1)]) }
    $first = @($first[0..($count - 1)])
    foreach ($line in @($Decisive | Where-Object { $_.Length -ge 700 })) {
        if ((Get-Body ($first + $line)).Length -le $Limit) { $first = $first + $line } else { $later = $later + $line }
    }
    Get-Body $first
    $left = @($later) + @($Others)
    while ($left.Count -gt 0) {
        $count = Measure-Fit $left
        Get-Body @($left[0..($count - 1)])
        if ($count -ge $left.Count) { return }
        $left = @($left[$count..($left.Count - 1)])
    }
}

function Write-Parts($Decisive, $Others) {
    $bodies = @(Get-Parts $Decisive $Others)
    $coding = 'z'
    if (-not $Full) { $coding = 't' }
    $run = '{0:x6}' -f (Get-Random -Maximum 16777215)
    $shown = for ($i = 0; $i -lt $bodies.Count; $i++) {
        '[rdpdoctor1 ' + $Side + ' ' + $run + ' ' + ($i + 1) + '/' + $bodies.Count + ' ' + $coding + ' ' + $bodies[$i].Length + ' ' + (Get-Sum $bodies[$i]) + ']' + $bodies[$i] + '[.]'
    }
    $shown = @($shown)
    if ($Order -eq 'alone') { return $shown[0] }
    if ($Order -eq 'first') { return $shown }
    for ($i = $shown.Count - 1; $i -ge 0; $i--) { $shown[$i] }
}
