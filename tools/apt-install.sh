#!/usr/bin/env bash
# Installs Debian packages, waiting for any other installation that holds the lock.
# usage: apt-install.sh PACKAGE...
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
wait=(-o DPkg::Lock::Timeout=600)
# A fresh machine has no package lists, an old one may have stale ones.
apt-get "${wait[@]}" update -qq
apt-get "${wait[@]}" install -y -qq --no-install-recommends "$@"
