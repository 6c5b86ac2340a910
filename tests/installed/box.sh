#!/bin/bash
# What somebody does at a box, from the first installation to the last: run as a unit of its systemd.
# Each step leaves what it saw in /root/seen, for test_installed.py to judge.
set -eux -o pipefail
exec > /root/seen/log 2>&1
cd /root
ip link set lo up
BROKER=mqtt://127.0.0.1:1883

until_heard() { # waits until a file of the subscriber grows
    local had=$(wc -l < heard); for _ in $(seq 100); do [ "$(wc -l < heard)" -gt "$had" ] && return; sleep 0.2; done; return 1
}
what_there_is() { # files, users, groups
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /root \
        -o -path /var/log -o -path /var/tmp -o -path /var/cache -o -path /var/lib/dpkg \
        -o -path /var/lib/systemd -o -path '/etc/*-' \) -prune -o -print | sort
    getent passwd; getent group
}

mosquitto_passwd -c -b pw gw-01 canary-4711; mosquitto_passwd -b pw observer seen
printf 'listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /root/pw\n' > broker.conf
chown mosquitto pw; chmod 711 /root
mosquitto -c broker.conf -d
what_there_is > seen/before

dpkg -i v1.deb
systemctl is-enabled nxgate > seen/enabled
systemctl start nxgate # there is no site file yet: nothing runs, and nothing fails
systemctl is-failed nxgate > seen/without_site || true
cp -a /opt/nxgate judge
judge() { judge/bin/python3 -I -c 'from gateway.__main__ import main; main()' "$@"; }

# A line that somebody wired: the meter at its end is a simulated one.
judge simulate --site line.yaml --out rehearsal.yaml > simulator.log &
for _ in $(seq 100); do grep -q rehearsal.yaml simulator.log && break; sleep 0.2; done
LINE=$(readlink -f "$(sed -n 's#.*modbus+rtu://\(.*\)?baud.*#\1#p' rehearsal.yaml)")
chgrp dialout "$LINE"; chmod 660 "$LINE"

sed "s#LINE#$LINE#" answers.yaml > mine.yaml
printf canary-4711 > /etc/nxgate/secrets/mqtt.password; chmod 600 /etc/nxgate/secrets/mqtt.password
nxgate init /etc/nxgate/site.yaml --non-interactive mine.yaml
stat -c '%U:%G %a' /etc/nxgate/site.yaml > seen/site_mode
sha256sum /etc/nxgate/site.yaml > seen/site_before
nxgate check /etc/nxgate/site.yaml
echo '# mine' >> /etc/default/nxgate

printf seen > observer; chmod 600 observer
judge verify $BROKER --username observer --password-file observer --for "${LISTEN}s" --json > seen/verdict.json &
JUDGE=$!
mosquitto_sub -q 1 -h 127.0.0.1 -u observer -P seen -t '#' -v > heard &
sleep 2
systemctl start nxgate
until_heard
systemctl show nxgate -p ActiveState -p StatusText > seen/running
PID=$(systemctl show -p MainPID --value nxgate)
cp /proc/$PID/status seen/process
tr '\0' '\n' < /proc/$PID/environ > seen/environment
grep -E ' / ' /proc/$PID/mountinfo > seen/mounts
systemd-analyze security nxgate --threshold=15 > seen/security
sleep 5

dpkg --force-confold -i v2.deb # the upgrade
dpkg-query -W -f '${Version}' nxgate > seen/upgraded
until_heard; until_heard
systemctl kill -s KILL nxgate # a crash
sleep 4; until_heard
dpkg --force-confold --force-downgrade -i v1.deb # the way back
dpkg-query -W -f '${Version}' nxgate > seen/rolled_back
until_heard; until_heard
systemctl is-active nxgate > seen/active

P=$(systemctl show -p MainPID --value nxgate); kill -STOP "$P" # a loop that stands still
sleep 15; until_heard
systemctl show nxgate -p NRestarts > seen/restarts
sleep 3
systemctl stop nxgate
nxgate store verify /etc/nxgate/site.yaml > seen/store
nxgate store status /etc/nxgate/site.yaml > seen/status
nxgate store export /etc/nxgate/site.yaml --to export >/dev/null; cp -r export seen/
sha256sum /etc/nxgate/site.yaml > seen/site_after
cp /etc/default/nxgate seen/default
journalctl -u nxgate --no-pager > seen/journal
wait $JUDGE || true
cp heard seen/heard

dpkg -r nxgate
ls /etc/nxgate/site.yaml /var/lib/nxgate/epoch > seen/kept
dpkg -P nxgate
dpkg -P nxgate || true # twice does no harm
what_there_is > seen/after
echo done > seen/done
