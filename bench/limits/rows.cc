// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "copy_format.h"
#include "figure.h"
#include "session.h"

namespace intarsia::limits {
namespace {

using Result = std::unique_ptr<PGresult, decltype([](PGresult* r) { PQclear(r); })>;

/// A row as workloads.py makes it, with its JSON as text.
struct Row {
  std::int64_t id;
  std::string s;
  double f;
  std::string j;
};

std::vector<Row> make_rows(std::int64_t n) {
  std::vector<Row> rows;
  rows.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    rows.push_back(
        {i, fmt::format("row {}", i), static_cast<double>(i) * 0.5, fmt::format(R"({{"a": {}, "b": [1, 2, 3]}})", i)});
  return rows;
}

/// Gives rows to a COPY in pieces of about 256 kB.
class RowStream {
 public:
  RowStream(const std::vector<Row>& rows, bool with_row_id) : rows_(rows), with_row_id_(with_row_id) {}

  std::string_view operator()() {
    constexpr std::size_t kPiece = 256 << 10;
    encoder_.bytes.clear();
    if (next_ == 0) encoder_.bytes = kCopyHeader;
    while (next_ < rows_.size() && encoder_.bytes.size() < kPiece) encode(rows_[next_++]);
    if (next_ == rows_.size() && !ended_) {
      encoder_.bytes += "\377\377";
      ended_ = true;
    }
    return encoder_.bytes;
  }

 private:
  void encode(const Row& row) {
    encoder_.tuple(with_row_id_ ? 6 : 4);
    if (with_row_id_) {
      encoder_.int_field(static_cast<std::int64_t>(next_));
      encoder_.int_field(1);
    }
    encoder_.int_field(row.id);
    encoder_.text_field(row.s);
    encoder_.float_field(row.f);
    encoder_.jsonb_field(row.j);
  }

  const std::vector<Row>& rows_;
  bool with_row_id_;
  CopyEncoder encoder_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

void measure_copy_in(Session& session, const std::vector<Row>& rows) {
  const auto n = static_cast<std::int64_t>(rows.size());
  const std::string copy = "copy limits.t from stdin (format binary)";
  const auto fresh = [&](const std::string& columns) {
    session.run("drop table if exists limits.t; create table limits.t (" + columns + ")");
  };
  const auto plain = [&] { fresh("id bigint, s text, f float8, j jsonb"); };
  const auto keyed = [&] { fresh("row_id bigint primary key, version bigint, id bigint, s text, f float8, j jsonb"); };

  std::vector<std::string> pieces;
  RowStream prepared(rows, false);
  for (std::string_view piece = prepared(); !piece.empty(); piece = prepared()) pieces.emplace_back(piece);
  const auto copy_prepared = [&] {
    std::size_t next = 0;
    session.copy_in(copy, [&] { return next < pieces.size() ? std::string_view(pieces[next++]) : std::string_view(); });
    return n;
  };
  const auto copy_encoded = [&](bool with_row_id) {
    RowStream stream(rows, with_row_id);
    session.copy_in(copy, [&] { return stream(); });
    return n;
  };
  measure("COPY in, prepared", copy_prepared, plain);
  measure(
      "insert rows (dicts)", [&] { return copy_encoded(false); }, plain);
  measure(
      "COPY in with row ids and their index", [&] { return copy_encoded(true); }, keyed);
}

/// What a client keeps of a result: numbers in arrays, texts one after the other.
struct Columns {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> values;
  std::string texts;
  std::vector<std::size_t> offsets;
};

std::int64_t read(Session& session, const std::string& query, bool with_text) {
  Columns columns;
  session.copy_out("copy (" + query + ") to stdout (format binary)", [&](std::string_view message) {
    CopyDecoder tuple(message);
    if (tuple.at_end()) return;
    columns.ids.push_back(tuple.int_field());
    if (with_text) {
      columns.texts += tuple.field();
      columns.offsets.push_back(columns.texts.size());
    }
    columns.values.push_back(tuple.int_field());
  });
  return static_cast<std::int64_t>(columns.ids.size());
}

/// A table as the workloads have it when they begin to read.
void fill_for_reading(Session& session, std::int64_t rows) {
  session.run(
      fmt::format("create table limits.r (id bigint, s text, f float8, v bigint);"
                  "insert into limits.r select i, 'row ' || i, i * 0.5, i * 2 from generate_series(1, 3) k, "
                  "generate_series(0, {}) i order by k, i",
                  rows - 1));
}

void measure_reads(Session& session, std::int64_t rows) {
  fill_for_reading(session, rows);
  const std::int64_t n = 3 * rows;
  // The workloads count all rows that a query looks at.
  const auto sql = [&](const std::string& text) {
    return [&session, n, text] {
      session.run(text);
      return n;
    };
  };
  measure("collect 2 columns", [&] { return read(session, "select id, v from limits.r", false); });
  measure("collect 3 columns to pandas", [&] { return read(session, "select id, s, v from limits.r", true); });
  measure("filter 1 %", [&] {
    read(session, fmt::format("select id, v from limits.r where id < {}", rows / 100), false);
    return n;
  });
  measure("count", sql("select count(*) from limits.r"));
  measure("group by", sql("select id % 10, sum(v) from limits.r group by 1"));
  measure("order by, limit 10", sql("select * from limits.r order by f desc limit 10"));
}

void prepare(Session& session, const char* name, const char* sql) {
  const Result result(PQprepare(session.native(), name, sql, 0, nullptr));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(session.native()));
}

void measure_point_query(Session& session) {
  prepare(session, "point", "select s from limits.r where id = $1::bigint limit 1");
  measure("point query", [&] {
    constexpr int kQueries = 100;
    for (int i = 0; i < kQueries; ++i) {
      const std::uint64_t id = swapped(static_cast<std::uint64_t>(i + 500));
      const char* value = reinterpret_cast<const char*>(&id);
      const int length = sizeof id;
      const int binary = 1;
      const Result result(PQexecPrepared(session.native(), "point", 1, &value, &length, &binary, 1));
      if (PQntuples(result.get()) != 1) throw std::runtime_error("point query: no row");
    }
    return kQueries;
  });
}

/// BEGIN, INSERT and COMMIT in one message to the server and one answer, which comes when the log is on disk.
void insert_one(PGconn* connection) {
  const char* values[] = {"0", "row 0", "0", R"({"a": 0, "b": [1, 2, 3]})"};
  for (const char* statement : {"begin", "one", "commit"}) {
    const bool insert = std::string_view(statement) == "one";
    if (PQsendQueryPrepared(connection, statement, insert ? 4 : 0, insert ? values : nullptr, nullptr, nullptr, 1) != 1)
      throw std::runtime_error(PQerrorMessage(connection));
  }
  if (PQpipelineSync(connection) != 1) throw std::runtime_error(PQerrorMessage(connection));
  for (;;) {  // a null result ends each statement; the sync ends the pipeline
    const Result result(PQgetResult(connection));
    const ExecStatusType status = result ? PQresultStatus(result.get()) : PGRES_COMMAND_OK;
    if (status == PGRES_PIPELINE_SYNC) return;
    if (status != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection));
  }
}

void measure_single_row_insert(Session& session) {
  session.run("create table limits.one (id bigint, s text, f float8, j jsonb); set synchronous_commit = on");
  prepare(session, "begin", "begin");
  prepare(session, "one", "insert into limits.one values ($1, $2, $3, $4)");
  prepare(session, "commit", "commit");
  PQenterPipelineMode(session.native());
  measure("single-row insert", [&] {
    constexpr int kInserts = 50;
    for (int i = 0; i < kInserts; ++i) insert_one(session.native());
    return kInserts;
  });
  PQexitPipelineMode(session.native());
}

}  // namespace

void measure_rows(const std::string& conninfo, std::int64_t rows) {
  Session session(conninfo);
  session.run("set client_min_messages = warning; drop schema if exists limits cascade; create schema limits");
  measure_copy_in(session, make_rows(rows));
  measure_reads(session, rows);
  measure_single_row_insert(session);
  measure_point_query(session);
  session.run("drop schema limits cascade");
}

}  // namespace intarsia::limits
