#!/bin/bash
# Runs what comes through the port, one command after the other. A line is "<id> <seconds> <script in base64>", the answer "<id> <exit code> <output in base64>".
port=
while [ -z "$port" ]; do
  sleep 0.1
  for name in /sys/class/virtio-ports/*/name; do [ "$(cat "$name")" = lab ] && port=/dev/$(basename "$(dirname "$name")"); done
done
exec 3<> "$port"
while :; do
  # Nothing can be read while nobody is connected outside.
  if ! read -r id seconds script <&3; then sleep 0.1; continue; fi
  [ "$id" = off ] && exit
  base64 -d <<< "$script" > /run/lab-script
  timeout -k 5 "$seconds" bash /run/lab-script > /run/lab-output 2>&1 < /dev/null 3>&-
  printf '%s %s %s\n' "$id" $? "$(base64 -w 0 /run/lab-output)" >&3
done
