#!/bin/sh
# Makes what is random in secrets/, and leaves what is there. The folder is for you alone; the files in it can
# be read by the users of the containers, who have other numbers than you.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets

keep() {  # a name, and what to write where there is no such file
  [ -s "secrets/$1" ] || printf %s "$2" >"secrets/$1"
  chmod 644 "secrets/$1"
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in operator_token viewer_token client_token postgres_password grafana_password; do
  keep "$name" "$(random)"
done
keep database_url "postgresql://medianest:$(cat secrets/postgres_password)@postgres:5432/medianest"
for name in plex_token overseerr_api_key; do
  keep "$name" "not-known-yet"
  ! grep -qx "not-known-yet" "secrets/$name" ||
    echo "write it into secrets/$name, then: docker compose restart medianest"
done
