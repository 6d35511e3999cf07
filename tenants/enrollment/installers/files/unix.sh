#!/bin/sh
# Installs the Wazuh agent on Linux (deb, rpm) or macOS and brings it into a tenant. Run it as root: sudo sh install.sh
#
#   1. takes the enrollment token from $TOKEN_FILE (root's, mode 0600) or $ENROLLMENT_TOKEN, or asks for it
#   2. installs the agent where it is missing, after it proved its maker's signature against a key known beforehand
#   3. has the edge enroll it; the token travels in a request's body, never in an argument or address
#   4. starts what carries its connection over port 443 (Wazuh 4), whose credential is in a file that only root reads
#   5. wipes the token's file
#
# What was done stays done: run it again after a failure. An answer of the edge that was lost costs nothing.
# $NAME gives the agent another name than the machine's. $ROOT (empty) is put before every path that is written.
# With MOVE=yes it takes a machine that is enrolled already to another tenant, under the name that it has; what it was is
# kept beside the new, in client.keys.before.
set -eu
umask 077

EDGE=@EDGE@
VERSION=@VERSION@
# The authority of the edge's certificate; empty: whom the system trusts.
EDGE_CA=@EDGE_CA@

ROOT=${ROOT:-}
MOVE=${MOVE:-}
NAME=${NAME:-$(hostname)}
PACKAGES=https://packages.wazuh.com
SERIES=${VERSION%%.*}.x
# Fingerprints of the keys that sign packages: whatever else is offered as a key is refused.
WAZUH_KEYS=0DCFCA5547B19D2A6099506096B3EE5F29111145
CLOUDFLARE=https://pkg.cloudflare.com
CLOUDFLARE_KEYS="CC94B39C77AE7342A68B89628A682D308D4E5E73 FBA8C0EE63617C5EED695C43254B391D8CACCBF8"
CLOUDFLARE_TEAM=68WVV388M8
SYSTEM=$(uname -s)
OSSEC=$ROOT/var/ossec
[ "$SYSTEM" != Darwin ] || OSSEC=$ROOT/Library/Ossec
KEYS=$OSSEC/etc/client.keys
BEGUN=$OSSEC/etc/enrollment.id
CONNECTOR=$ROOT/etc/wazuh-connector.env
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

say() { echo "install: $1"; }
fail() { echo "install: $1" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }
fetch() { curl -fsSL --proto '=https' --tlsv1.2 -o "$2" "$1" || fail "$1 could not be fetched. Nothing was enrolled"; }

# Whether a file holds keys of these fingerprints and no others.
trusted() {
  found=$(gpg --batch --show-keys --with-colons "$1" | awk -F: '$1 == "pub" { first = 1 } $1 == "fpr" && first { print $10; first = 0 }')
  [ -n "$found" ] || fail "$1 holds no key. Nothing was installed"
  for fingerprint in $found; do
    case " $2 " in *" $fingerprint "*) ;; *) fail "a key of a package is $fingerprint, which is not expected. Nothing was installed" ;; esac
  done
}

# A .deb of a signed repository, without making the system trust that repository: address, keys, suite, package.
signed_deb() {
  fetch "$1" "$WORK/key.asc"
  trusted "$WORK/key.asc" "$2"
  mkdir -p "$WORK/lists/partial"
  gpg --batch --dearmor <"$WORK/key.asc" >"$WORK/key.gpg"
  echo "deb [signed-by=$WORK/key.gpg] $3" >"$WORK/one.list"
  set -- "$4" -q -o "Dir::Etc::SourceList=$WORK/one.list" -o Dir::Etc::SourceParts=- \
    -o "Dir::State::Lists=$WORK/lists" -o APT::Sandbox::User=root
  package=$1
  shift
  apt-get "$@" update >/dev/null || fail "the packages' list is not signed as expected. Nothing was installed"
  (cd "$WORK" && apt-get "$@" download "$package" >/dev/null) || fail "$package could not be fetched"
  apt-get -qy install "$WORK/${package%%=*}"_*.deb >/dev/null
}

# An .rpm whose signature is made by one of these keys; they are known to a database of their own only: file, keys' address, keys.
signed_rpm() {
  fetch "$2" "$WORK/key.asc"
  trusted "$WORK/key.asc" "$3"
  mkdir -p "$WORK/rpm"
  rpmkeys --dbpath "$WORK/rpm" --import "$WORK/key.asc"
  # A package without any signature passes as "digests OK".
  rpmkeys --dbpath "$WORK/rpm" --checksig "$1" | grep -Eq '(signatures|pgp.*) OK$' ||
    fail "the package's signature is not its maker's. Nothing was installed"
}

install_agent() {
  if [ -d "$OSSEC/etc" ]; then return; fi
  say "installing the Wazuh agent $VERSION"
  # The agent's own address of its manager: the connector beside it. A token of Wazuh 5 brings another one.
  export WAZUH_MANAGER=127.0.0.1 WAZUH_MANAGER_PORT=1514 WAZUH_PROTOCOL=tcp WAZUH_AGENT_NAME="$NAME"
  [ "$SERIES" = 4.x ] || unset WAZUH_MANAGER WAZUH_MANAGER_PORT WAZUH_PROTOCOL
  if [ "$SYSTEM" = Darwin ]; then
    case $(uname -m) in arm64) kind=arm64 ;; *) kind=intel64 ;; esac
    fetch "$PACKAGES/$SERIES/macos/wazuh-agent-$VERSION-1.$kind.pkg" "$WORK/agent.pkg"
    pkgutil --check-signature "$WORK/agent.pkg" | grep -q 'Developer ID Installer: Wazuh, Inc' ||
      fail "the package's signature is not its maker's. Nothing was installed"
    if [ "$SERIES" = 4.x ]; then
      # The package runs this file as root: one that somebody else has put or tied there before must not be it.
      rm -f /tmp/wazuh_envs
      (set -C && echo "WAZUH_MANAGER='127.0.0.1' && WAZUH_PROTOCOL='tcp'" >/tmp/wazuh_envs)
    fi
    installer -pkg "$WORK/agent.pkg" -target / >/dev/null
  elif has apt-get; then
    signed_deb "$PACKAGES/key/GPG-KEY-WAZUH" "$WAZUH_KEYS" "$PACKAGES/$SERIES/apt/ stable main" "wazuh-agent=$VERSION-1"
  elif has rpm; then
    fetch "$PACKAGES/$SERIES/yum/wazuh-agent-$VERSION-1.$(uname -m).rpm" "$WORK/agent.rpm"
    signed_rpm "$WORK/agent.rpm" "$PACKAGES/key/GPG-KEY-WAZUH" "$WAZUH_KEYS"
    rpm -i "$WORK/agent.rpm"
  else
    fail "packages are installed here neither with apt-get nor with rpm. Install the agent yourself, then run this again"
  fi
  [ -d "$OSSEC/etc" ] || fail "the package was installed, but $OSSEC/etc is missing"
}

install_cloudflared() {
  if has cloudflared; then return; fi
  say "installing cloudflared"
  if [ "$SYSTEM" = Darwin ]; then
    case $(uname -m) in arm64) kind=arm64 ;; *) kind=amd64 ;; esac
    fetch "https://github.com/cloudflare/cloudflared/releases/latest/download/cloudflared-darwin-$kind.tgz" "$WORK/cloudflared.tgz"
    tar -xzf "$WORK/cloudflared.tgz" -C "$WORK" cloudflared
    codesign --verify --strict -R="anchor apple generic and certificate leaf[subject.OU] = \"$CLOUDFLARE_TEAM\"" \
      "$WORK/cloudflared" || fail "cloudflared's signature is not its maker's. The agent was not enrolled"
    install -m 755 "$WORK/cloudflared" "$ROOT/usr/local/bin/cloudflared"
  elif has apt-get; then
    signed_deb "$CLOUDFLARE/cloudflare-main.gpg" "$CLOUDFLARE_KEYS" "$CLOUDFLARE/cloudflared any main" cloudflared
  else
    case $(uname -m) in aarch64) kind=aarch64 ;; *) kind=x86_64 ;; esac
    fetch "https://github.com/cloudflare/cloudflared/releases/latest/download/cloudflared-linux-$kind.rpm" "$WORK/cloudflared.rpm"
    signed_rpm "$WORK/cloudflared.rpm" "$CLOUDFLARE/cloudflare-main.gpg" "$CLOUDFLARE_KEYS"
    rpm -i "$WORK/cloudflared.rpm"
  fi
}

# The token, in a file of this run: never in an argument, which every process list shows.
take_token() {
  if [ -n "${TOKEN_FILE:-}" ]; then
    tr -d '[:space:]' <"$TOKEN_FILE" >"$WORK/token"
  elif [ -n "${ENROLLMENT_TOKEN:-}" ]; then
    printf %s "$ENROLLMENT_TOKEN" >"$WORK/token"
    unset ENROLLMENT_TOKEN
  else
    printf 'Enrollment token: ' >/dev/tty
    stty -echo </dev/tty
    read -r typed </dev/tty
    stty echo </dev/tty
    echo >/dev/tty
    printf %s "$typed" >"$WORK/token"
  fi
}

wipe() {
  if [ -z "${TOKEN_FILE:-}" ]; then return; fi
  if has shred; then shred -u "$TOKEN_FILE"; else rm -f "$TOKEN_FILE"; fi
}

ask_edge() {
  set -- -sS --fail-with-body -H 'content-type: application/json' --data-binary @- "$EDGE/api/agents/enroll"
  if [ -n "$EDGE_CA" ]; then
    printf '%s\n' "$EDGE_CA" >"$WORK/ca.pem"
    set -- --cacert "$WORK/ca.pem" "$@"
  fi
  curl "$@"
}

# One text field of the flat parts of the answer; the edge sends no quotes inside of them.
field() { printf %s "$ANSWER" | sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p"; }
connector_field() { printf %s "$ANSWER" | sed -nE "s/.*\"connector\":\{[^}]*\"$1\":\"([^\"]*)\".*/\1/p"; }

enroll4() {
  [ -s "$BEGUN" ] || { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen | tr '[:upper:]' '[:lower:]'; } >"$BEGUN"
  # The machine's own clock: one that is far off is told so, instead of an agent whose alerts nobody finds.
  BODY=$(printf '{"token":"%s","enrollment_id":"%s","name":"%s","version":"v%s","sent_at":"%s"}' "$(cat "$WORK/token")" \
    "$(cat "$BEGUN")" "$NAME" "$VERSION" "$(date -u +%Y-%m-%dT%H:%M:%SZ)")
  if ! ANSWER=$(printf %s "$BODY" | ask_edge); then
    [ -n "$ANSWER" ] || fail "the edge did not answer. Run this again: the same enrollment is taken up"
    rm -f "$BEGUN"
    fail "the edge refused: $(field message) $(field hint)"
  fi
  case $(field agent_id),$(field key) in ,* | *,) fail "the edge answered something unexpected. Nothing was changed" ;; esac
  ADDRESS=$(field manager_url | sed -E 's/^ws/http/')
  mkdir -p "$(dirname "$CONNECTOR")"
  printf 'TUNNEL_SERVICE_TOKEN_ID=%s\nTUNNEL_SERVICE_TOKEN_SECRET=%s\n' "$(connector_field id)" "$(connector_field secret)" >"$CONNECTOR"
  sed -e 's|<address>[^<]*</address>|<address>127.0.0.1</address>|' -e 's|<protocol>udp</protocol>|<protocol>tcp</protocol>|' \
    "$OSSEC/etc/ossec.conf" >"$WORK/ossec.conf"
  cat "$WORK/ossec.conf" >"$OSSEC/etc/ossec.conf"
  [ -z "$MOVE" ] || cp -p "$KEYS" "$KEYS.before"
  printf '%s %s any %s\n' "$(field agent_id)" "$NAME" "$(field key)" >"$KEYS"
  chmod 640 "$KEYS"
  chown root:wazuh "$KEYS" 2>/dev/null || say "$KEYS belongs to root alone: give it to the group of the agent"
  rm -f "$BEGUN"
  say "enrolled as $NAME, agent $(field agent_id)"
}

start_connector() {
  program=$(command -v cloudflared || echo /usr/local/bin/cloudflared)
  if [ "$SYSTEM" = Darwin ]; then
    plist=$ROOT/Library/LaunchDaemons/wazuh-connector.plist
    # launchd has no file of secrets: the daemon's own is root's alone.
    cat >"$plist" <<EOF
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>Label</key><string>wazuh-connector</string>
<key>ProgramArguments</key><array><string>/bin/sh</string><string>-c</string>
<string>set -a; . /etc/wazuh-connector.env; exec $program access tcp --hostname $ADDRESS --url 127.0.0.1:1514</string></array>
<key>RunAtLoad</key><true/><key>KeepAlive</key><true/>
</dict></plist>
EOF
    [ -z "$MOVE" ] || launchctl bootout system/wazuh-connector || say "no connector was running"
    launchctl bootstrap system "$plist"
    return
  fi
  unit=$ROOT/etc/systemd/system/wazuh-connector.service
  mkdir -p "$(dirname "$unit")"
  cat >"$unit" <<EOF
[Unit]
Description=Carries the Wazuh agent's connection to its tenant over port 443
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=/etc/wazuh-connector.env
ExecStart=$program access tcp --hostname $ADDRESS --url 127.0.0.1:1514
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
  chmod 644 "$unit"
  if ! has systemctl; then
    say "start a connector with $CONNECTOR as its environment: $program access tcp --hostname $ADDRESS --url 127.0.0.1:1514"
    return
  fi
  systemctl daemon-reload
  systemctl enable --now wazuh-connector
  [ -z "$MOVE" ] || systemctl restart wazuh-connector
}

# An agent of Wazuh 5 enrolls by itself: its token brings address, authority and credential.
enroll5() {
  "$OSSEC/bin/wazuh-agent-auth" --token-file "$WORK/token" || fail "the agent could not enroll: see $OSSEC/logs/ossec.log. Run this again"
  say "enrolled as $NAME"
}

start_agent() {
  if [ "$SYSTEM" = Darwin ]; then
    "$OSSEC/bin/wazuh-control" restart
  elif has systemctl; then
    systemctl daemon-reload
    systemctl enable wazuh-agent
    systemctl restart wazuh-agent
  else
    "$OSSEC/bin/wazuh-control" restart
  fi
}

[ -n "$ROOT" ] || [ "$(id -u)" = 0 ] || fail "run this as root: sudo sh install.sh"
has curl || fail "curl is needed"
if [ -n "$MOVE" ]; then
  [ "$SERIES" = 4.x ] || fail "an agent of Wazuh 5 is moved by its own wazuh-agent-auth --force-enroll. Nothing was changed"
  [ -s "$KEYS" ] || fail "this machine is not enrolled, so there is nothing to move. Nothing was changed"
  NAME=$(cut -d ' ' -f 2 "$KEYS" | head -n 1)
else
  [ ! -s "$KEYS" ] || fail "this machine is enrolled already: $KEYS is not empty. Nothing was changed"
fi
case $NAME in *[!A-Za-z0-9._-]*) fail "the name '$NAME' holds more than letters, digits, dot, dash, underscore" ;; esac
[ -n "${TOKEN_FILE:-}" ] && [ ! -r "$TOKEN_FILE" ] && fail "$TOKEN_FILE can't be read. Nothing was changed"
install_agent
[ "$SERIES" != 4.x ] || install_cloudflared
take_token
if [ "$SERIES" = 4.x ]; then
  enroll4
  start_connector
else
  enroll5
fi
wipe
start_agent
[ -z "$MOVE" ] || { say "moved. The old identity is in $KEYS.before until you remove it"; exit 0; }
say "done. Its name appears on the token's page within a minute"
