# Intune's detection rule for the app: it is there once the agent's service runs and the machine is enrolled.
$keys = "${env:ProgramFiles(x86)}\ossec-agent\client.keys"
$service = Get-Service WazuhSvc -ErrorAction SilentlyContinue
if ($service.Status -eq 'Running' -and (Test-Path $keys) -and (Get-Item $keys).Length -gt 0) { Write-Output 'enrolled'; exit 0 }
exit 1
