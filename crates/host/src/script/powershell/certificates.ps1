# Certificates travel as they lie in the registry, without what nobody asks for; whoever reads the
# facts takes them apart.
function Get-Certificates([string]$Store, [string]$Code, $Codes) {
    Get-Value 'HKLM\SOFTWARE\Microsoft\Cryptography' 'MachineGuid' $Codes[0]
    Get-Value 'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion' 'SystemRoot' $Codes[1]
    Get-Value 'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList' 'ProgramData' $Codes[2]
    $key = 'HKLM\SOFTWARE\Microsoft\SystemCertificates\' + $Store + '\Certificates'
    Write-Key $key (Read-Subkeys $key) '' $Code
    $names = $null
    try { $names = Read-Names $key $false } catch { return }
    foreach ($name in ($names | Select-Object -First 32)) {
        $lookup = Read-Value ($key + '\' + $name) 'Blob' 16384
        try { $lookup = Select-Properties $lookup } catch { $null = $_ }
        Write-Value ($key + '\' + $name) 'Blob' $lookup ''
        try { Get-KeyFile $lookup } catch { continue }
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

# Of a certificate's properties (identifier, 1, length, data) those of which nothing else follows:
# 2, CRYPT_KEY_PROV_INFO, and 32, the certificate itself.
function Select-Properties([string]$Lookup) {
    if ($Lookup -notmatch '"data":"([0-9a-f]+)"') { return $Lookup }
    $digits = $Matches[1]
    $place = 0
    $kept = ''
    while (($place + 12) * 2 -le $digits.Length) {
        $length = 12 + (Read-Little $digits ($place + 8))
        if (@(2, 32) -contains (Read-Little $digits $place)) { $kept = $kept + $digits.Substring($place * 2, $length * 2) }
        $place = $place + $length
    }
    $Lookup.Replace($digits, $kept)
}

# The file of a certificate's key. CRYPT_KEY_PROV_INFO says where in it the name stands, where the
# provider stands, its type. The file is named by MD5 over the name in lower case with its zero.
function Get-KeyFile([string]$Lookup) {
    if ($Lookup -notmatch '"data":"02000000([0-9a-f]+)"') { return }
    $info = $Matches[1].Substring(16)
    $folder = '%ProgramData%\Microsoft\Crypto\RSA\MachineKeys\'
    if ((Read-Little $info 8) -eq 0) { $folder = '%ProgramData%\Microsoft\Crypto\Keys\' }
    $name = Get-UniqueName (Read-Wide $info (Read-Little $info 0))
    if ($name -and (Read-Value 'HKLM\SOFTWARE\Microsoft\Cryptography' 'MachineGuid') -match '"data":"([^"]+)"') {
        Get-File ($folder + $name + '_' + $Matches[1]) ''
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
