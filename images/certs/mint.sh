#!/bin/sh
# Mints a deployment's bundle offline, as the official generator would: an authority of its own, a certificate for the
# administrator and one for each node.
#
#   mint.sh DAYS FOLDER < lines such as "indexer-0 IP:127.0.0.1" or "manager-0 DNS:manager.internal"
#
# Writes root-ca.pem, root-ca.key, admin.pem, admin-key.pem, <name>.pem and <name>-key.pem, each with mode 400.
set -eu
umask 077

DAYS=$1
FOLDER=$2
SUBJECT="/C=US/L=California/O=Wazuh/OU=Wazuh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

NOW=$(date -u +%s)
at() { date -u -d "@$1" +%Y%m%d%H%M%SZ; }
# A node whose clock is a little behind still accepts the bundle.
BEGINS=$(at $((NOW - 300)))
ENDS=$(at $((NOW + DAYS * 86400)))

mkdir -p "$FOLDER" "$WORK/issued"
: >"$WORK/index.txt"
cat >"$WORK/ca.cnf" <<END
[ca]
default_ca = here
[here]
database = $WORK/index.txt
new_certs_dir = $WORK/issued
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
certificate = $FOLDER/root-ca.pem
private_key = $FOLDER/root-ca.key
[any]
countryName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
subjectKeyIdentifier = hash
END

# request KEY COMMON-NAME: a new key, and a request for it in $WORK/request.
request() {
  openssl req -new -newkey rsa:2048 -nodes -keyout "$1" -subj "$SUBJECT/CN=$2" -out "$WORK/request" 2>/dev/null
}

# sign TARGET OPTION...: the request becomes a certificate.
sign() {
  target=$1
  shift
  openssl ca -batch -notext -config "$WORK/ca.cnf" -startdate "$BEGINS" -enddate "$ENDS" \
    -in "$WORK/request" -out "$target" "$@" 2>/dev/null
}

# issue NAME [ALTERNATIVES]: a certificate and key; a node answers to its address and its name.
issue() {
  {
    echo "[holder]"
    echo "basicConstraints = critical, CA:false"
    echo "keyUsage = critical, digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment"
    echo "extendedKeyUsage = serverAuth, clientAuth"
    echo "authorityKeyIdentifier = keyid"
    [ -z "${2-}" ] || echo "subjectAltName = $2"
  } >"$WORK/holder.cnf"
  request "$FOLDER/$1-key.pem" "$1"
  sign "$FOLDER/$1.pem" -extfile "$WORK/holder.cnf" -extensions holder
}

request "$FOLDER/root-ca.key" "Wazuh root CA"
sign "$FOLDER/root-ca.pem" -selfsign -extensions authority
issue admin
while read -r name address; do
  issue "$name" "$address, DNS:$name"
done
chmod 400 "$FOLDER"/*
