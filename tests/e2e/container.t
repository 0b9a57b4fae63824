#!/bin/sh
# examples/container: the image is built, and mailctl runs in it as process 1.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")/../.." && pwd)

test "$(id -u)" -eq 0 || skip_all "only root can make a Debian"
test "$PATIENCE" -eq 1 || skip_all "the package is one of the ordinary build"
command -v podman >/dev/null || skip_all "no podman"
cat >"$T/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$(ulimit -n):$(ulimit -n)", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
END
export CONTAINERS_CONF="$T/containers.conf"
pod() {
  command podman --storage-driver vfs --root "$T/storage" --runroot "$T/runroot" --runtime "$runtime" "$@"
}
on_exit 'umount "$T"/storage/vfs 2>/dev/null'
debian "$T/debian" || skip_all "no Debian can be made here"
for runtime in crun runc none; do
  test $runtime = none && skip_all "podman runs nothing here"
  command -v $runtime >/dev/null || continue
  tar -C "$T/debian" -c . | pod import -q - localhost/debian:12 >/dev/null 2>&1
  pod run --rm localhost/debian:12 true >/dev/null 2>&1 && break
done

try "the package is made" package 0.1
mkdir "$T/container" "$T/mail"
cp "$here/examples/container/Containerfile" "$T/container"
mv "$T/0.1.deb" "$T/container/mailctl.deb"
try "the image is built" pod build -q --isolation chroot --network host --build-arg BASE=localhost/debian:12 -t mailctl "$T/container"
exits 0 "init writes a bundle into the volume" pod run --rm -v "$T/mail:/mail" mailctl init /mail
sed -i "/^#\\[/,/^\\[/!{/^#*[a-z-]* = .*127\\.0\\.0\\.1:[0-9]/{s/^#//;s/127\\.0\\.0\\.1:/$IP:/g}}" "$T/mail/mailctl.conf"
on_exit 'pod rm -f -t 5 mail >/dev/null 2>&1'
exits 0 "it starts" pod run -d --name mail -v "$T/mail:/mail" mailctl
try "and is ready" wait_for 60 pod exec mail mailctl status -q
like "$(pod exec mail cat /proc/1/cmdline | tr '\0' ' ')" '^s6-svscan ' "process 1 is the supervisor"
exits 0 "a message is taken" swaks --silent 2 --server "$IP:2525" --from you@example.test --to postmaster@example.test
try "and delivered" wait_for 30 sh -c "ls '$T'/mail/mail/postmaster/new/*"
exits 0 "it stops" pod stop -t 60 mail
is "$(pod inspect -f '{{.State.ExitCode}}' mail)" 0 "in order"
finish
