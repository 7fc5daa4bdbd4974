# Runs a store as its arguments say. "postgres ..." makes its data directory first, of POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and PGDATA.
set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 > /dev/null
  rm /tmp/password
  echo 'hostssl all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "create database \"$POSTGRES_DB\"" | postgres --single postgres > /dev/null
fi
[ "$1" = postgres ] && set -- "$@" -c 'listen_addresses=*'
exec "$@"
