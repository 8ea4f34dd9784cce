# Certificates travel as they lie in the registry; whoever reads the facts takes them apart.
function Get-Certificates([string]$Store, [string]$Code, $Codes) {
    Get-Value 'HKLM\SOFTWARE\Microsoft\Cryptography' 'MachineGuid' $Codes[0]
    Get-Value 'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion' 'SystemRoot' $Codes[1]
    Get-Value 'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList' 'ProgramData' $Codes[2]
    $key = 'HKLM\SOFTWARE\Microsoft\SystemCertificates\' + $Store + '\Certificates'
    Write-Key $key (Read-Subkeys $key) '' $Code
    $names = $null
    try { $names = Read-Names $key $false } catch { return }
    foreach ($name in ($names | Select-Object -First 32)) {
        Get-Value ($key + '\' + $name) 'Blob' '' 16384
        try { Get-KeyFile (Read-Value ($key + '\' + $name) 'Blob' 16384) } catch { continue }
    }
}

# A number of 32 bits in hexadecimal digits, low byte first.
function Read-Little([string]$Digits, [int]$Place) {
    $number = 0
    foreach ($index in 3, 2, 1, 0) { $number = $number * 256 + [int]('0x' + $Digits.Substring($Place * 2 + $index * 2, 2)) }
    $number
}

# A name in UTF-16 that ends with a zero.
function Read-Wide([string]$Digits, [int]$Place) {
    $shown = for ($i = $Place * 2; $i + 4 -le $Digits.Length; $i += 4) {
        $unit = [int]('0x' + $Digits.Substring($i + 2, 2) + $Digits.Substring($i, 2))
        if ($unit -eq 0) { break }
        [char]$unit
    }
    $shown -join ''
}

# The file of a certificate's key. Property 2 is CRYPT_KEY_PROV_INFO: where the name stands, where the
# provider stands, its type. The file is named by MD5 over the name in lower case with its zero.
function Get-KeyFile([string]$Lookup) {
    if ($Lookup -notmatch '"data":"([0-9a-f]+)"') { return }
    $digits = $Matches[1]
    $place = 0
    while (($place + 12) * 2 -le $digits.Length) {
        $length = Read-Little $digits ($place + 8)
        if ((Read-Little $digits $place) -eq 2) {
            $info = $digits.Substring(($place + 12) * 2, $length * 2)
            $folder = '%ProgramData%\Microsoft\Crypto\RSA\MachineKeys\'
            if ((Read-Little $info 8) -eq 0) { $folder = '%ProgramData%\Microsoft\Crypto\Keys\' }
            $name = Get-UniqueName (Read-Wide $info (Read-Little $info 0))
            if ($name -and (Read-Value 'HKLM\SOFTWARE\Microsoft\Cryptography' 'MachineGuid') -match '"data":"([^"]+)"') {
                return Get-File ($folder + $name + '_' + $Matches[1]) ''
            }
            return
        }
        $place = $place + 12 + $length
    }
}

# Constrained Language Mode has no MD5, but the key that Remote Desktop makes for itself is known.
function Get-UniqueName([string]$Container) {
    if ($Container -eq 'TSSecKeySet1') { return 'f686aace6942fb7f7ceb231212eef4a4' }
    if (-not $Full) { return '' }
    $bytes = [System.Text.Encoding]::UTF8.GetBytes($Container.ToLowerInvariant() + [char]0)
    $hash = [System.Security.Cryptography.MD5]::Create().ComputeHash($bytes)
    $shown = foreach ($index in 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12) { '{0:x2}' -f $hash[$index] }
    $shown -join ''
}
