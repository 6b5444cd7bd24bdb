#!/bin/bash
set -e
: "${SITE:?set it with docker run -e}"
# shellcheck disable=SC2016 # envsubst takes the names themselves
envsubst '$SITE' </etc/nginx/site.template >/etc/nginx/sites-enabled/default

redis-server --dir /var/lib/redis --port 0 --unixsocket /tmp/redis.sock --unixsocketperm 777 --save 3600 1 --daemonize yes --logfile /var/log/redis/redis.log
until redis-cli -s /tmp/redis.sock ping >/dev/null 2>&1; do sleep 1; done

while true; do gosu www-data worker; sleep 1; done &

nginx
tail -f /var/log/nginx/access.log
