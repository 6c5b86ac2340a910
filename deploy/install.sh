#!/bin/sh
# Installs nxgate from this folder, on a box without network: sh install.sh [FOLDER]
# Everything is checked against its hash first. As root it also makes the service and its user;
# otherwise only the program, into FOLDER (/opt/nxgate unless you name one).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-/opt/nxgate}
python=$(command -v python3.11 || command -v python3 || true)

say() { echo "nxgate: $*" >&2; }
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    say "Python 3.11 is needed as python3.11 or python3 (Debian 12 has it: apt install python3)"
    exit 1
fi
machine=$(uname -m)
if [ "$machine" != "$(cat "$here/machine")" ]; then
    say "this bundle is for $(cat "$here/machine"), the box is $machine: take the other bundle"
    exit 1
fi
(cd "$here" && sha256sum --check --quiet SHA256SUMS) || { say "a file is damaged: copy it anew"; exit 1; }

# The new program is made beside the old one and takes its place at once, so that a cut in between
# leaves one of the two.
rm -rf "$prefix.new"
mkdir -p "$(dirname "$prefix")"
"$python" -m venv --without-pip --symlinks "$prefix.new"
pip=$(echo "$here"/wheels/pip-*.whl)
"$prefix.new/bin/python3" "$pip/pip" --quiet --disable-pip-version-check \
    --isolated install --no-index --find-links "$here/wheels" --require-hashes \
    --no-warn-script-location -r "$here/requirements.txt"
printf '#!%s/bin/python3 -I\nfrom gateway.__main__ import main\n\nmain()\n' "$prefix" > "$prefix.new/bin/nxgate"
rm -rf "$prefix.old"
[ ! -e "$prefix" ] || mv "$prefix" "$prefix.old"
mv "$prefix.new" "$prefix"
"$prefix/bin/nxgate" --version

if [ "$(id -u)" = 0 ] && [ "$prefix" = /opt/nxgate ]; then
    ln -sf /opt/nxgate/bin/nxgate /usr/local/bin/nxgate
    getent passwd nxgate >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/nxgate --shell /usr/sbin/nologin nxgate
    getent group dialout >/dev/null && usermod -a -G dialout nxgate
    install -d -o nxgate -g nxgate -m 0700 /var/lib/nxgate
    install -d -o root -g nxgate -m 0750 /etc/nxgate
    install -d -o root -g root -m 0700 /etc/nxgate/secrets
    [ -e /etc/default/nxgate ] || install -m 0644 "$here/default" /etc/default/nxgate
    for unit in nxgate.service nxgate@.service; do
        install -D -m 0644 "$here/systemd/$unit" "/etc/systemd/system/$unit"
        install -D -m 0644 "$here/systemd/10-sandbox.conf" "/etc/systemd/system/$unit.d/10-sandbox.conf"
    done
    install -D -m 0644 "$here/60-nxgate-serial.rules" /etc/udev/rules.d/60-nxgate-serial.rules
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable nxgate.service
        [ ! -f /etc/nxgate/site.yaml ] || systemctl restart nxgate.service
    fi
fi
