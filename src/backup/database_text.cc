// SPDX-License-Identifier: Apache-2.0
#include "backup/database_text.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

#include "intarsia/error.h"

namespace intarsia {

namespace {

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// Tables in the order of their making, the columns that have values of their own, and which of these hold media.
constexpr const char* kTables = R"sql(
select c.relname::text, string_agg(quote_ident(a.attname), ', ' order by a.attnum),
       coalesce(array_to_string(array_agg(a.place order by a.attnum) filter (where m.id is not null), ','), '')
from pg_class c join (
  select attrelid, attname, attnum, row_number() over (partition by attrelid order by attnum) - 1 as place
  from pg_attribute where attnum > 0 and not attisdropped and attgenerated = '') a on a.attrelid = c.oid
left join (select distinct id from columns where type ->> 'kind' in ('Image', 'Video', 'Audio', 'Document')) m
  on a.attname = 'c' || m.id
where c.relnamespace = 'intarsia'::regnamespace and c.relkind = 'r'
group by c.oid, c.relname order by c.oid)sql";

constexpr const char* kBefore[] = {
    "select format('create extension if not exists %I', extname) from pg_extension where extname <> 'plpgsql' and oid "
    "in (select refobjid from pg_depend d join pg_attribute a on a.atttypid = d.objid join pg_class c on c.oid = "
    "a.attrelid where d.deptype = 'e' and c.relnamespace = 'intarsia'::regnamespace) order by oid",
    "select 'create schema if not exists intarsia'",
    "select format('create sequence intarsia.%I', relname) from pg_class "
    "where relnamespace = 'intarsia'::regnamespace and relkind = 'S' order by oid",
    R"sql(
select format('create table intarsia.%I (%s)', c.relname, string_agg(format('%I %s%s%s%s', a.attname,
    format_type(a.atttypid, a.atttypmod),
    case when a.attcompression <> '' then ' compression ' || case a.attcompression when 'l' then 'lz4' else 'pglz' end
         else '' end,
    case when a.attnotnull then ' not null' else '' end,
    case when a.attgenerated <> '' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
         when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end), ', '
    order by a.attnum))
  || coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '')
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'intarsia'::regnamespace and c.relkind = 'r' group by c.oid, c.relname, c.reloptions
order by c.oid)sql",
    R"sql(
select format('alter table intarsia.%I alter column %I set storage %s', c.relname, a.attname,
    case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where c.relnamespace = 'intarsia'::regnamespace and c.relkind = 'r' and a.attstorage <> t.typstorage order by c.oid)sql",
    "select pg_get_functiondef(p.oid) from pg_proc p where pronamespace = 'intarsia'::regnamespace and prokind in "
    "('f', 'p') order by p.oid",
    "select format('create view intarsia.%I as %s', relname, rtrim(pg_get_viewdef(oid), ';')) from pg_class "
    "where relnamespace = 'intarsia'::regnamespace and relkind = 'v' order by oid"};

constexpr const char* kAfter[] = {
    "select format('alter table intarsia.%I add constraint %I %s', c.relname, k.conname, pg_get_constraintdef(k.oid)) "
    "from pg_constraint k join pg_class c on c.oid = k.conrelid where c.relnamespace = 'intarsia'::regnamespace "
    "and k.contype in ('p', 'u', 'c', 'x', 'f') order by k.contype = 'f', k.oid",
    "select pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid "
    "where c.relnamespace = 'intarsia'::regnamespace and c.relkind = 'r' and i.indisvalid "
    "and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) "
    "order by i.indexrelid",
    "select format('analyze intarsia.%I', relname) from pg_class "
    "where relnamespace = 'intarsia'::regnamespace and relkind = 'r' order by oid"};

std::string statements_of(Connection& connection, const char* query) {
  std::string text;
  const SqlRows rows = connection.query(query);
  for (int row = 0; row < rows.size(); ++row) text += rows.text_at(row, 0) + ";\n";
  return text;
}

std::vector<std::int64_t> numbers_in(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    numbers.push_back(std::stoll(text.substr(at, end - at)));
    at = end + 1;
  }
  return numbers;
}

}  // namespace

SchemaText read_schema(Connection& connection) {
  SchemaText schema;
  const SqlRows rows = connection.query(kTables);
  for (int row = 0; row < rows.size(); ++row)
    schema.tables.push_back({rows.text_at(row, 0), rows.text_at(row, 1), numbers_in(rows.text_at(row, 2))});
  // pg_get_... leave out the names of schemas that the path has.
  connection.run("set local search_path = public");
  for (const char* query : kBefore) schema.before += statements_of(connection, query);
  for (const char* query : kAfter) schema.after += statements_of(connection, query);
  connection.run("set local search_path = intarsia, public");
  return schema;
}

std::string read_sequences(Connection& connection) {
  return statements_of(connection,
                       "select format('select setval(%L, %s, %L)', 'intarsia.' || quote_ident(sequencename), "
                       "coalesce(last_value, start_value), last_value is not null) from pg_sequences where schemaname "
                       "= 'intarsia' order by 1");
}

std::int64_t copy_text_out(Connection& connection, const std::string& query,
                           const std::function<void(std::string_view)>& take) {
  PGconn* const session = connection.native();
  const Result begun(PQexec(session, fmt::format("copy ({}) to stdout", query).c_str()), PQclear);
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT)
    throw Error(ErrorCode::kInternal, fmt::format("backup: {}", PQerrorMessage(session)), query);
  std::int64_t rows = 0;
  char* line = nullptr;
  int length = 0;
  while ((length = PQgetCopyData(session, &line, 0)) > 0) {
    const std::unique_ptr<char, void (*)(void*)> owned(line, PQfreemem);
    take({line, static_cast<std::size_t>(length)});
    ++rows;
  }
  const Result done(PQgetResult(session), PQclear);
  while (PGresult* rest = PQgetResult(session)) PQclear(rest);
  if (PQresultStatus(done.get()) != PGRES_COMMAND_OK)
    throw Error(ErrorCode::kDatabaseUnavailable, fmt::format("backup: {}", PQerrorMessage(session)), query, true);
  return rows;
}

CopyTextIn::CopyTextIn(Connection& connection, const SqlTableText& table)
    : connection_(connection), table_(table.name) {
  const std::string sql = fmt::format("copy intarsia.{} ({}) from stdin", quote_identifier(table.name), table.columns);
  const Result begun(PQexec(connection.native(), sql.c_str()), PQclear);
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) fail(PQerrorMessage(connection.native()));
}

void CopyTextIn::fail(const std::string& why) const {
  throw Error(ErrorCode::kInternal, fmt::format("restore of SQL table '{}': {}", table_, why));
}

void CopyTextIn::add(std::string_view text) {
  if (PQputCopyData(connection_.native(), text.data(), static_cast<int>(text.size())) != 1)
    fail(PQerrorMessage(connection_.native()));
}

std::int64_t CopyTextIn::finish() {
  PGconn* const session = connection_.native();
  PQputCopyEnd(session, nullptr);
  const Result done(PQgetResult(session), PQclear);
  while (PGresult* rest = PQgetResult(session)) PQclear(rest);
  if (PQresultStatus(done.get()) != PGRES_COMMAND_OK) fail(PQresultErrorMessage(done.get()));
  return std::stoll(PQcmdTuples(done.get()));
}

std::string copy_escaped(std::string_view text) {
  static constexpr std::string_view kSpecial = "\\\b\f\n\r\t\v", kLetters = "\\bfnrtv";
  std::string escaped;
  for (const char c : text) {
    const auto at = kSpecial.find(c);
    if (at != std::string_view::npos) escaped += '\\';
    escaped += at == std::string_view::npos ? c : kLetters[at];
  }
  return escaped;
}

}  // namespace intarsia
