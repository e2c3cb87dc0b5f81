#!/bin/bash
# deny.sh: cargo-deny over licences, sources and versions; over advisories too where their database can be had.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(scripts/tool.sh cargo-deny 0.20.2)
"$tool" check --hide-inclusion-graph licenses bans sources
if timeout 60 "$tool" fetch db >/dev/null 2>&1; then
  "$tool" check --hide-inclusion-graph --disable-fetch advisories
else
  echo "NOTE: the advisory database cannot be had from here: known vulnerabilities were NOT checked"
fi
