// SPDX-License-Identifier: Apache-2.0
// The catalog's SQL tables; docs/storage.md explains each. Rows of tables, columns and generations are valid for the
// operations in [since, until): nothing is deleted, so time travel sees the catalog of its time.
#include "catalog/schema.h"

#include <fmt/format.h>

#include <functional>
#include <iterator>

#include "intarsia/error.h"

namespace intarsia {

namespace {

constexpr const char* kCatalogTables = R"sql(
create table intarsia.instance (format int not null, created timestamptz not null default now());

create sequence intarsia.object_ids;     -- directories, trees, tables, columns, generations
create sequence intarsia.operation_ids;  -- operations, and their places in the order of publishing
create sequence intarsia.row_ids;        -- rows of every table

create table intarsia.directories (
  id bigint primary key,
  parent_id bigint not null,
  name text not null,
  unique (parent_id, name)
);

create table intarsia.trees (
  id bigint primary key,
  schema_version bigint not null
);

create table intarsia.tables (
  id bigint not null,
  since bigint not null,
  until bigint,
  tree_id bigint not null,
  directory_id bigint not null,
  base_id bigint,
  uuid uuid not null,
  name text not null,
  kind text not null,
  filling bool not null default false,
  iterator jsonb,
  predicate jsonb,
  media_validation text not null,
  comment text not null,
  custom_metadata jsonb,
  primary key (id, since)
);
create unique index on intarsia.tables (directory_id, name) where until is null;
create index on intarsia.tables (tree_id);

create table intarsia.columns (
  id bigint not null,
  since bigint not null,
  until bigint,
  table_id bigint not null,
  name text not null,
  position int not null,
  type jsonb not null,
  value jsonb,
  filling bool not null default false,
  stored bool not null,
  from_iterator bool not null,
  primary_key bool not null,
  media_validation text,
  comment text not null,
  custom_metadata jsonb,
  version_added bigint not null,
  primary key (id, since)
);
create unique index on intarsia.columns (table_id, name) where until is null;

create table intarsia.generations (
  id bigint not null,
  since bigint not null,
  until bigint,
  table_id bigint not null,
  sql_table text not null,
  column_ids bigint[] not null,
  state text not null check (state in ('filling', 'live', 'retired')),
  fingerprint text,
  primary key (id, since)
);
create index on intarsia.generations (table_id);

create table intarsia.operations (
  id bigint primary key,
  published bigint not null unique,
  at timestamptz not null,
  kind text not null,
  tree_id bigint not null,
  table_id bigint not null,
  user_name text not null,
  client text not null,
  started timestamptz not null,
  counts jsonb not null
);

create table intarsia.versions (
  table_id bigint not null,
  n bigint not null,
  operation_id bigint not null,
  schema_change text,
  counts jsonb not null,
  primary key (table_id, n)
);

create table intarsia.results (
  fingerprint text not null,
  arguments_hash bytea not null,
  n int not null,
  value bytea not null,
  cost float8 not null,
  at timestamptz not null default now(),
  primary key (fingerprint, arguments_hash, n)
);

create view intarsia.lock_catalog as select 1 as one;

create function intarsia.directory_path(directory bigint) returns text stable language sql as $$
  with recursive up as (
    select id, parent_id, name, 0 as depth from intarsia.directories where id = directory
    union all
    select d.id, d.parent_id, d.name, up.depth + 1 from up join intarsia.directories d on d.id = up.parent_id)
  select coalesce(string_agg(name, '/' order by depth desc), '') from up
$$;
)sql";

// What each format has more than the one before it, from format 2 on.
constexpr const char* kMigrations[] = {R"sql(
create index on intarsia.operations (tree_id, published);

create table intarsia.activity (
  operation_id bigint primary key,
  kind text not null,
  tree_id bigint not null,
  table_id bigint not null,
  object_id bigint not null,
  on_error text not null,
  description text not null,
  user_name text not null,
  client text not null,
  started timestamptz not null,
  rows_done bigint not null default 0,
  rows_total bigint not null default -1
);
)sql",
                                       R"sql(
create table intarsia.function_stats (
  function text primary key,
  calls bigint not null,
  seconds float8 not null,
  retries bigint not null,
  errors bigint not null,
  cache_hits bigint not null
);
)sql",
                                       R"sql(
create table intarsia.rate_limits (
  id serial unique,
  pool text primary key,
  requests_per_minute float8,
  tokens_per_minute float8,
  calls_in_flight int,
  next_request timestamptz not null default '-infinity',
  next_token timestamptz not null default '-infinity',
  paused_until timestamptz
);

alter table intarsia.activity add column discarded boolean not null default false;
)sql"};
static_assert(std::size(kMigrations) == kCatalogFormat - 1);

void migrate(Connection& connection, std::int64_t format) {
  for (std::int64_t next = format; next < kCatalogFormat; ++next) connection.run(kMigrations[next - 1]);
  connection.run(fmt::format("update intarsia.instance set format = {}", kCatalogFormat));
}

/// Runs `change` in a transaction that only one process at a time is in.
void change_catalog(Connection& connection, const std::function<void()>& change) {
  connection.run("begin; select pg_advisory_xact_lock(1229870153)");
  try {
    change();
    connection.run("commit");
  } catch (...) {
    connection.run("rollback");
    throw;
  }
}

/// `if not exists` would need the privilege to create it even where it is there already.
void ensure_schema(Connection& connection) {
  const SqlRows there = connection.query("select to_regnamespace('intarsia') is not null");
  if (there.bytes(0, 0)[0] == '\0') connection.run("create schema intarsia");
}

std::int64_t format_of(Connection& connection) {
  // Not to_regclass, which may answer from before the lock that the session has waited for.
  const char* exists =
      "select exists (select from pg_class where relname = 'instance' and relnamespace = (select oid from pg_namespace "
      "where nspname = 'intarsia'))";
  if (connection.query(exists).bytes(0, 0)[0] == '\0') return 0;
  return connection.query("select format from intarsia.instance").int_at(0, 0);
}

}  // namespace

void ensure_catalog(Connection& connection) {
  std::int64_t format = format_of(connection);
  if (format < kCatalogFormat)
    change_catalog(connection, [&] {
      format = format_of(connection);
      if (format >= kCatalogFormat) return;  // another process was faster
      if (format == 0) {
        ensure_schema(connection);
        connection.run(kCatalogTables);
        connection.run("insert into intarsia.instance (format) values (1)");
        format = 1;
      }
      migrate(connection, format);
      format = kCatalogFormat;
    });
  if (format > kCatalogFormat)
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("this database has format {}, written by a newer Intarsia; this version reads up to format "
                            "{}: install the newer version, or use another home",
                            format, kCatalogFormat));
}

}  // namespace intarsia
