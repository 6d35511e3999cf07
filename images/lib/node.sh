# shellcheck shell=bash
# What the entry scripts of the nodes share. Sourced as the first thing, so that SIGTERM is never lost:
# a process with number 1 ignores every signal that it has no handler for.

# A folder in front of every path; empty in an image, set by tests.
NODE_ROOT=${NODE_ROOT:-}
CHILDREN=()
# What may stand in a configuration as it is.
PLAIN='^[A-Za-z0-9.,_+:/%^=~$-]+$'

trap 'say "stopping"; drain; exit 0' TERM INT

# say WORDS: one line of JSON to the container's log. Never give it a secret.
say() { printf '{"node":"%s","message":"%s"}\n' "${NODE_NAME:-unnamed}" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# need NAME...: ends the node where a variable is missing or could mean something to YAML, XML or a shell.
need() {
  local name faults=()
  for name in "$@"; do
    [[ ${!name:-} =~ $PLAIN ]] || faults+=("$name")
  done
  ((${#faults[@]} == 0)) || fail "not set, or of characters that are not taken: ${faults[*]}"
}

# render TEMPLATE TARGET MODE: writes the template with each @NAME@ replaced by that variable.
render() {
  local text name
  text=$(<"$1")
  while [[ $text =~ @([A-Z][A-Z0-9_]*)@ ]]; do
    name=${BASH_REMATCH[1]}
    need "$name"
    text=${text//"@$name@"/"${!name}"}
  done
  put "$2" "$3" "$text"
}

# put FILE MODE TEXT: a file that at no moment is more open than its mode.
put() {
  mkdir -p "$(dirname "$1")"
  (umask 077 && rm -f "$1" && printf '%s\n' "$3" >"$1")
  chmod "$2" "$1"
}

# put_certificates FOLDER: the files of NODE_CERTIFICATES, a JSON object of file names and PEM texts, with mode 400.
# PEM has no quote and no backslash, so the strings between the quotes are names and texts in turn.
put_certificates() {
  local parts at name pem
  IFS='"' read -r -a parts <<<"${NODE_CERTIFICATES:-}"
  for ((at = 1; at + 2 < ${#parts[@]}; at += 4)); do
    name=${parts[at]} pem=${parts[at + 2]//\\n/$'\n'}
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "a certificate has an unusable name"
    # Several authorities may be trusted side by side.
    [[ $pem =~ ^(-----BEGIN\ [A-Z\ ]+-----[A-Za-z0-9+/=[:space:]]+-----END\ [A-Z\ ]+-----[[:space:]]*)+$ ]] ||
      fail "the certificate $name is no PEM text"
    put "$1/$name" 400 "${pem%$'\n'}"
  done
}

# start COMMAND...: runs it beside the others; the node ends when the first of them does.
start() {
  "$@" &
  CHILDREN+=($!)
}

# serve: waits for the first child to end, whose code the node ends with (never 0: nobody asked for it). It looks once a
# second: `wait -n` forgets a child that had ended before. A signal ends a wait at once, but not a sleep.
serve() {
  local pid code=0
  while :; do
    for pid in "${CHILDREN[@]}"; do
      kill -0 "$pid" 2>/dev/null && continue
      wait "$pid" || code=$?
      say "a part of the node ended with code $code"
      drain
      exit $((code == 0 ? 1 : code))
    done
    sleep 1 &
    wait $!
  done
}

# drain: what SIGTERM leads to; a node with an order to keep has its own.
drain() { end_children; }

# end_children: asks each to end, and waits until it did. The shell's own list has one that was started in this very moment,
# which CHILDREN may not have yet.
end_children() {
  local pids
  mapfile -t pids < <(jobs -p)
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
}

# until_true SECONDS COMMAND...: tries once a second.
until_true() {
  local left=$1
  shift
  until "$@"; do
    ((left-- > 0)) || return 1
    sleep 1
  done
}
