<#
Installs the Wazuh agent on Windows and brings it into a tenant. Run it in PowerShell as administrator, or as SYSTEM by a group policy or Intune.

  1. takes the enrollment token from -TokenFile or $env:ENROLLMENT_TOKEN, or asks for it, unseen
  2. installs the agent where it is missing, after it proved its maker's signature
  3. has the edge enroll it; the token travels in a request's body, never in an argument or address
  4. starts what carries its connection over port 443 (Wazuh 4), whose credential only administrators read
  5. wipes the token's file

What was done stays done: run it again after a failure. An answer of the edge that was lost costs nothing.
#>
param([string]$TokenFile = '', [string]$Name = $env:COMPUTERNAME)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12

$Edge = @EDGE@
$Version = @VERSION@
$Series = $Version.Split('.')[0] + '.x'
$Folder = "${env:ProgramFiles(x86)}\ossec-agent"
$Keys = "$Folder\client.keys"
$Begun = "$Folder\enrollment.id"
$Connector = "$env:ProgramData\wazuh-connector"

function Stop-Here([string]$Words) { [Console]::Error.WriteLine("install: $Words"); exit 1 }

# A file of a maker, whose signature is valid and names that maker; anything else is thrown away.
function Get-Signed([string]$Address, [string]$File, [string]$Maker) {
  Invoke-WebRequest -UseBasicParsing -Uri $Address -OutFile $File
  $signature = Get-AuthenticodeSignature $File
  if ($signature.Status -ne 'Valid' -or $signature.SignerCertificate.Subject -notmatch "(^|, )O=`"?$Maker") {
    Remove-Item $File
    Stop-Here "the signature of $Address is not its maker's. Nothing was installed"
  }
}

function Install-Agent {
  if (Test-Path $Folder) { return }
  $package = "$env:TEMP\wazuh-agent-$Version.msi"
  Get-Signed "https://packages.wazuh.com/$Series/windows/wazuh-agent-$Version-1.msi" $package 'Wazuh'
  $properties = "WAZUH_AGENT_NAME=`"$Name`""
  # The agent's own address of its manager: the connector beside it. A token of Wazuh 5 brings another one.
  if ($Series -eq '4.x') { $properties += ' WAZUH_MANAGER="127.0.0.1" WAZUH_PROTOCOL="tcp"' }
  $run = Start-Process msiexec.exe -ArgumentList "/i `"$package`" /q $properties" -Wait -PassThru
  Remove-Item $package
  if ($run.ExitCode -ne 0) { Stop-Here "msiexec ended with $($run.ExitCode). Nothing was enrolled" }
}

# Only administrators and the system may read what lies there.
function New-Folder([string]$Path) {
  New-Item -ItemType Directory -Force $Path | Out-Null
  icacls.exe $Path /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
}

function Read-Token {
  if ($TokenFile) { return (Get-Content -Raw $TokenFile) -replace '\s', '' }
  if ($env:ENROLLMENT_TOKEN) { $taken = $env:ENROLLMENT_TOKEN; $env:ENROLLMENT_TOKEN = $null; return $taken }
  return [Net.NetworkCredential]::new('', (Read-Host -AsSecureString 'Enrollment token')).Password
}

function Clear-TokenFile {
  if (-not $TokenFile) { return }
  Set-Content -Path $TokenFile -Value ('0' * (Get-Item $TokenFile).Length) -NoNewline
  Remove-Item $TokenFile
}

function Join-Tenant([string]$Token) {
  if (-not (Test-Path $Begun)) { Set-Content $Begun ([guid]::NewGuid().ToString()) }
  $body = @{
    token = $Token; enrollment_id = (Get-Content $Begun); name = $Name; version = "v$Version"
    # The machine's own clock: one that is far off is told so, instead of an agent whose alerts nobody finds.
    sent_at = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')
  } | ConvertTo-Json
  try {
    return Invoke-RestMethod -Method Post -Uri "$Edge/api/agents/enroll" -ContentType 'application/json' -Body $body
  } catch {
    if (-not $_.ErrorDetails) { Stop-Here 'the edge did not answer. Run this again: the same enrollment is taken up' }
    Remove-Item $Begun
    $refusal = $_.ErrorDetails.Message | ConvertFrom-Json
    Stop-Here "the edge refused: $($refusal.message) $($refusal.hint)"
  }
}

function Install-Connector($Agent) {
  New-Folder $Connector
  $program = "$Connector\cloudflared.exe"
  if (-not (Test-Path $program)) {
    Get-Signed 'https://github.com/cloudflare/cloudflared/releases/latest/download/cloudflared-windows-amd64.exe' $program 'Cloudflare'
  }
  $address = $Agent.manager_url -replace '^ws', 'http'
  # Read by the task alone, in a folder of administrators: an argument would be seen by everybody on the machine.
  Set-Content "$Connector\start.ps1" @"
`$env:TUNNEL_SERVICE_TOKEN_ID = '$($Agent.connector.id)'
`$env:TUNNEL_SERVICE_TOKEN_SECRET = '$($Agent.connector.secret)'
while (`$true) { & '$program' access tcp --hostname $address --url 127.0.0.1:1514; Start-Sleep 5 }
"@
  $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoProfile -ExecutionPolicy Bypass -File `"$Connector\start.ps1`""
  $settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit 0 -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
  Register-ScheduledTask -Force -TaskName 'wazuh-connector' -User 'SYSTEM' -RunLevel Highest -Action $action `
    -Trigger (New-ScheduledTaskTrigger -AtStartup) -Settings $settings | Out-Null
  Start-ScheduledTask -TaskName 'wazuh-connector'
}

function Join-Wazuh4([string]$Token) {
  $agent = Join-Tenant $Token
  if (-not $agent.agent_id -or -not $agent.key) { Stop-Here 'the edge answered something unexpected. Nothing was changed' }
  Install-Connector $agent
  $configuration = "$Folder\ossec.conf"
  (Get-Content $configuration) -replace '<address>[^<]*</address>', '<address>127.0.0.1</address>' `
    -replace '<protocol>udp</protocol>', '<protocol>tcp</protocol>' | Set-Content $configuration
  Set-Content $Keys "$($agent.agent_id) $Name any $($agent.key)" -Encoding ascii
  Remove-Item $Begun
}

# An agent of Wazuh 5 enrolls by itself: its token brings address, authority and credential.
function Join-Wazuh5([string]$Token) {
  New-Folder $Connector
  $file = "$Connector\token"
  Set-Content $file $Token -NoNewline -Encoding ascii
  & "$Folder\wazuh-agent-auth.exe" --token-file $file
  $ended = $LASTEXITCODE
  Remove-Item $file
  if ($ended -ne 0) { Stop-Here "the agent could not enroll: see $Folder\ossec.log. Run this again" }
}

$me = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { Stop-Here 'run this as administrator' }
if ($Name -notmatch '^[A-Za-z0-9._-]{2,128}$') { Stop-Here "the name '$Name' holds more than letters, digits, dot, dash, underscore" }
if ((Test-Path $Keys) -and (Get-Item $Keys).Length -gt 0) { Write-Output 'install: this machine is enrolled already. Nothing was changed'; exit 0 }
if ($TokenFile -and -not (Test-Path $TokenFile)) { Stop-Here "$TokenFile can't be read. Nothing was changed" }
Install-Agent
if ($Series -eq '4.x') { Join-Wazuh4 (Read-Token) } else { Join-Wazuh5 (Read-Token) }
Clear-TokenFile
Restart-Service WazuhSvc
Write-Output "install: enrolled as $Name. It appears on the token's page within a minute"
