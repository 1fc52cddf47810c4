// SPDX-License-Identifier: Apache-2.0
#include "storage/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <unordered_set>

#include "intarsia/error.h"
#include "storage/connect.h"
#include "storage/faults.h"
#include "storage/fork.h"
#include "storage/lock_wait.h"
#include "storage/statement_watch.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

constexpr int kBinary = 1;
constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::string_view kCopyTrailer{"\377\377", 2};
constexpr std::size_t kCopyBytesAtOnce = 1 << 20;

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultDeleter>;

bool succeeded(const PGresult* result) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_SYNC:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
      return true;
    default:
      return false;
  }
}

/// The open sessions of this process. A forked child puts a dead socket in the place of each: what it does with them
/// reaches no server, and they end with the process that opened them.
class OpenSessions final : private ForkParticipant {
 public:
  static OpenSessions& instance() {
    static OpenSessions* const instance = new OpenSessions;  // outlives all sessions
    return *instance;
  }
  void add(PGconn* session) {
    const std::lock_guard lock(mutex_);
    sessions_.insert(session);
  }
  void remove(PGconn* session) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(session);
  }

 private:
  void renew() override {
    int ends[2];
    if (sessions_.empty() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    close(ends[1]);
    for (PGconn* session : sessions_)
      if (PQsocket(session) >= 0) dup3(ends[0], PQsocket(session), O_CLOEXEC);
    close(ends[0]);
    sessions_.clear();
  }

  ForkMutex<> mutex_;
  std::unordered_set<PGconn*> sessions_;
};

/// The next result of what was sent.
PGresult* next_result(PGconn* session, Waits waits) {
  wait_for_result(session, waits);
  return PQgetResult(session);
}

/// Takes the results of one statement; gives the last one. Nothing was sent: null.
ResultPtr only_result(PGconn* session, bool sent, Waits waits) {
  ResultPtr last;
  begin_waiting();
  if (!sent) return last;
  while (PGresult* result = next_result(session, waits)) {
    last.reset(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || PQstatus(session) != CONNECTION_OK) break;
  }
  return last;
}

bool was_cancelled(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state != nullptr && std::string_view(state) == "57014";
}

struct ParameterArrays {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;

  ParameterArrays(const std::vector<std::string>& cells, const std::vector<bool>& nulls) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      values.push_back(nulls[i] ? nullptr : cells[i].data());
      lengths.push_back(static_cast<int>(cells[i].size()));
      formats.push_back(kBinary);
    }
  }
};

}  // namespace

void fail_in_child(int parent) {
  throw Error(ErrorCode::kInvalidState,
              fmt::format("process {} was forked by {} in the middle of an operation, which can only go on there; end "
                          "the child with os._exit(), or fork while no operation runs on the thread that forks",
                          getpid(), parent));
}

SqlRows& SqlRows::operator=(SqlRows&& other) noexcept {
  std::swap(result_, other.result_);
  return *this;
}
SqlRows::~SqlRows() {
  if (result_ != nullptr) PQclear(result_);
}
int SqlRows::size() const {
  return PQntuples(result_);
}
int SqlRows::num_columns() const {
  return PQnfields(result_);
}
bool SqlRows::is_null(int row, int column) const {
  return PQgetisnull(result_, row, column) != 0;
}
std::string_view SqlRows::bytes(int row, int column) const {
  return {PQgetvalue(result_, row, column), static_cast<std::size_t>(PQgetlength(result_, row, column))};
}
std::int64_t SqlRows::int_at(int row, int column) const {
  return wire::read_int(bytes(row, column));
}
std::int64_t SqlRows::affected() const {
  const char* count = PQcmdTuples(result_);
  return *count == '\0' ? 0 : std::strtoll(count, nullptr, 10);
}

SqlParameters& SqlParameters::add(std::int64_t value) {
  return add(Type(TypeKind::kInt), Value(value));
}
SqlParameters& SqlParameters::add(double value) {
  return add(Type(TypeKind::kFloat), Value(value));
}
SqlParameters& SqlParameters::add(bool value) {
  return add(Type(TypeKind::kBool), Value(value));
}
SqlParameters& SqlParameters::add(std::string_view text) {
  return add(Type(TypeKind::kString), Value(text));
}
SqlParameters& SqlParameters::add_jsonb(std::string_view json) {
  return add(Type(TypeKind::kJson), Value(Json{std::string(json)}));
}
SqlParameters& SqlParameters::add_null(std::uint32_t type) {
  types_.push_back(type);
  values_.emplace_back();
  nulls_.push_back(true);
  return *this;
}
SqlParameters& SqlParameters::add(const Type& type, const Value& value) {
  if (value.is_null()) return add_null(wire::oid(type));
  const Column cell = Column::constant(type, value, 1);
  types_.push_back(wire::oid(type));
  wire::append_payload(cell, 0, values_.emplace_back());
  nulls_.push_back(false);
  return *this;
}
SqlParameters& SqlParameters::add_array(const Column& column) {
  types_.push_back(wire::array_oid(column.type()));
  values_.push_back(wire::array_payload(column));
  nulls_.push_back(false);
  return *this;
}
SqlParameters& SqlParameters::add_array(std::span<const std::int64_t> values) {
  types_.push_back(wire::array_oid(Type(TypeKind::kInt)));
  values_.push_back(wire::array_payload(values));
  nulls_.push_back(false);
  return *this;
}

Connection::Connection(const std::string& conninfo) : connection_(connect(conninfo)), process_(getpid()) {
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  OpenSessions::instance().add(connection_);
}

Connection::~Connection() {
  OpenSessions::instance().remove(connection_);
  PQfinish(connection_);
}

bool Connection::is_own() const {
  return process_ == getpid();
}

bool Connection::healthy() const {
  return PQstatus(connection_) == CONNECTION_OK && PQtransactionStatus(connection_) == PQTRANS_IDLE;
}

void Connection::end_transaction() {
  if (PQstatus(connection_) == CONNECTION_OK && PQtransactionStatus(connection_) != PQTRANS_IDLE) run("rollback");
}

bool Connection::still_there() {
  if (!healthy()) return false;
  pollfd socket{PQsocket(connection_), POLLIN, 0};
  if (poll(&socket, 1, 0) > 0) PQconsumeInput(connection_);  // a notice, or the end
  return healthy();
}

int Connection::server_version() const {
  return PQserverVersion(connection_);
}

void Connection::fail(const PGresult* result, std::string_view sql) const {
  if (!is_own()) fail_in_child(process_);
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string code = state == nullptr ? "" : state;
  StatementWatch::failed(code);
  const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message = primary == nullptr ? PQerrorMessage(connection_) : primary;
  if (code == "22P02" && message.find("\"stale ") != std::string::npos) throw StaleSchema();
  if (code == "22P02" && message.find("\"touched ") != std::string::npos) throw RowsTouched();
  if (code == "22P02" && message.find("\"discarded ") != std::string::npos)
    throw Error(
        ErrorCode::kConcurrentModification,
        "the operation lost its session, was taken for dead and discarded: nothing of it is there; run it again",
        message, true);
  if (code == "42P01" || code == "42703") throw StaleSchema();  // a table or column that a newer catalog has dropped
  const std::string detail = fmt::format("SQLSTATE {}: {}\n{}", code, message, sql.substr(0, 4000));
  if (code == "40001" || code == "40P01") throw Error(ErrorCode::kSerializationFailure, message, detail, true);
  if (code == "55P03") {
    const std::string holders = last_lock_holders();
    throw Error(ErrorCode::kConcurrentModification,
                holders.empty() ? message
                                : fmt::format("{}: waited for a lock that is held by {}; nothing was changed: run it "
                                              "again when that is done, or set lock_timeout_seconds to wait longer",
                                              message, holders),
                detail, true);
  }
  if (code == "23505") throw Error(ErrorCode::kConstraintViolation, message, detail);
  if (code == "25006")
    throw Error(ErrorCode::kStoreUnavailable,
                fmt::format("the PostgreSQL server takes no writes: {}; the server of a home does so while its disk is "
                            "nearly full: make room there and run it again; nothing was changed",
                            message),
                detail);
  if (code == "53100")
    throw Error(ErrorCode::kStoreUnavailable,
                fmt::format("the disk of the PostgreSQL server is full: {}; nothing was changed: make room there and "
                            "run it again",
                            message),
                detail, true);
  if (code == "42501")
    throw Error(
        ErrorCode::kInvalidConfiguration,
        fmt::format("PostgreSQL: {}; user '{}' needs CREATE on database '{}', or the schema intarsia as its own "
                    "(create schema intarsia authorization ...)",
                    message, PQuser(connection_), PQdb(connection_)),
        detail);
  if (code.empty() || code.starts_with("57P") || code.starts_with("08"))
    throw Error(ErrorCode::kDatabaseUnavailable, "lost the connection to PostgreSQL: " + message, detail, true);
  throw Error(ErrorCode::kInternal, "PostgreSQL: " + message, detail);
}

void Connection::drain() {
  while (PGresult* rest = PQgetResult(connection_)) PQclear(rest);
}

void Connection::run(const std::string& sql) {
  const StatementWatch watch(sql);
  const bool passed = pass_sending_point(connection_, sql);
  const ResultPtr result =
      only_result(connection_, PQsendQuery(connection_, passed ? sql.c_str() : kDiskFull) == 1, Waits::kToWrite);
  if (sql == "commit" && succeeded(result.get())) forget_interruption();
  throw_interrupted();
  if (!succeeded(result.get())) fail(result.get(), sql);
  pass_answer_point(connection_);
}

/// The same text with parameters of other types is another statement.
std::string Connection::prepared_key(const std::string& sql, const SqlParameters& parameters) {
  const auto* types = reinterpret_cast<const char*>(parameters.types_.data());
  return std::string(types, parameters.types_.size() * sizeof(std::uint32_t)) + sql;
}

/// Bounds the memory of a session that sees ever new texts; not while a name from prepare() is in use.
void Connection::limit_prepared() {
  if (prepared_.size() < 500) return;
  run("deallocate all");
  prepared_.clear();
}

const std::string& Connection::prepare(const std::string& sql, const SqlParameters& parameters) {
  std::string key = prepared_key(sql, parameters);
  const auto found = prepared_.find(key);
  if (found != prepared_.end()) return found->second;
  std::string name = fmt::format("s{}", next_statement_++);
  const ResultPtr result(
      PQprepare(connection_, name.c_str(), sql.c_str(), parameters.size(), parameters.types_.data()));
  if (!succeeded(result.get())) fail(result.get(), sql);
  return prepared_.emplace(std::move(key), std::move(name)).first->second;
}

SqlRows Connection::query(const std::string& sql, const SqlParameters& parameters) {
  limit_prepared();
  const StatementWatch watch(sql);
  const std::string& name = prepare(sql, parameters);
  const ParameterArrays arrays(parameters.values_, parameters.nulls_);
  const bool sent = pass_sending_point(connection_, sql)
                        ? PQsendQueryPrepared(connection_, name.c_str(), parameters.size(), arrays.values.data(),
                                              arrays.lengths.data(), arrays.formats.data(), kBinary) == 1
                        : PQsendQuery(connection_, kDiskFull) == 1;
  ResultPtr result = only_result(connection_, sent, Waits::kToRead);
  throw_interrupted();
  if (!succeeded(result.get())) {
    if (is_outdated(result.get(), sql, parameters)) return query(sql, parameters);
    fail(result.get(), sql);
  }
  pass_answer_point(connection_);
  return SqlRows(result.release());
}

// In pipeline mode, which ends single-row mode with the statement; outside of it libpq 15 leaves the mode on for the
// first statement of the session's next pipeline.
void Connection::for_each_row(const std::string& sql, const SqlParameters& parameters,
                              const std::function<void(const SqlRows& row)>& visit) {
  limit_prepared();
  const StatementWatch watch(sql);
  const std::string& name = prepare(sql, parameters);
  const ParameterArrays arrays(parameters.values_, parameters.nulls_);
  if (PQenterPipelineMode(connection_) != 1 ||
      PQsendQueryPrepared(connection_, name.c_str(), parameters.size(), arrays.values.data(), arrays.lengths.data(),
                          arrays.formats.data(), kBinary) != 1 ||
      PQsetSingleRowMode(connection_) != 1 || PQpipelineSync(connection_) != 1)
    fail(nullptr, sql);
  const auto end_pipeline = [this] {
    drain();                                                       // what is left of the statement
    if (PGresult* sync = PQgetResult(connection_)) PQclear(sync);  // the pipeline's end
    PQexitPipelineMode(connection_);
  };
  begin_waiting();
  try {
    while (PGresult* next = next_result(connection_, Waits::kToRead)) {
      const SqlRows row(next);
      if (!succeeded(next)) {
        end_pipeline();
        throw_interrupted();
        if (is_outdated(next, sql, parameters)) return for_each_row(sql, parameters, visit);  // before its first row
        fail(next, sql);
      }
      if (row.size() > 0) visit(row);
    }
  } catch (...) {
    if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) end_pipeline();
    throw;
  }
  end_pipeline();
}

bool Connection::is_outdated(const PGresult* result, const std::string& sql, const SqlParameters& parameters) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state != nullptr && std::string_view(state) == "0A000" && prepared_.erase(prepared_key(sql, parameters)) > 0;
}

std::vector<SqlRows> Connection::pipeline(const std::vector<Statement>& statements) {
  limit_prepared();
  const StatementWatch watch(statements);
  std::vector<const std::string*> names;
  for (const Statement& statement : statements) names.push_back(&prepare(statement.sql, statement.parameters));
  if (PQenterPipelineMode(connection_) != 1) fail(nullptr, "enter pipeline mode");
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const SqlParameters& parameters = statements[i].parameters;
    const ParameterArrays arrays(parameters.values_, parameters.nulls_);
    const int sent = pass_sending_point(connection_, statements[i].sql)
                         ? PQsendQueryPrepared(connection_, names[i]->c_str(), parameters.size(), arrays.values.data(),
                                               arrays.lengths.data(), arrays.formats.data(), kBinary)
                         : PQsendQueryParams(connection_, kDiskFull, 0, nullptr, nullptr, nullptr, nullptr, kBinary);
    if (sent != 1) fail(nullptr, statements[i].sql);
  }
  if (PQpipelineSync(connection_) != 1) fail(nullptr, "pipeline sync");
  begin_waiting();
  std::vector<SqlRows> results;
  ResultPtr failure;
  std::string failed_sql;
  bool committed = false;
  for (const Statement& statement : statements) {
    ResultPtr result(next_result(connection_, Waits::kToWrite));
    if (result == nullptr) break;  // the connection is gone
    // Of a session that was lost libpq also says "aborted", with no failure before it.
    if (!succeeded(result.get()) && failure == nullptr) {
      failed_sql = statement.sql;
      failure = std::move(result);
    } else {
      committed = committed || (failure == nullptr && statement.sql == "commit");
      results.emplace_back(result.release());
      pass_answer_point(connection_);
    }
    if (PGresult* end = PQgetResult(connection_)) PQclear(end);  // null: the end of this statement
  }
  // The last statement's own transaction ends here, after its answer.
  ResultPtr end(PQgetResult(connection_));
  const bool ended = PQresultStatus(end.get()) == PGRES_PIPELINE_SYNC;
  if (!ended && failure == nullptr) {
    failed_sql = statements.back().sql;
    failure = std::move(end);
    drain();
  }
  PQexitPipelineMode(connection_);
  if (committed && forget_interruption() && failure != nullptr && was_cancelled(failure.get())) {
    run(failed_sql);  // the interrupt came too late, and hit what follows the commit
    return results;
  }
  throw_interrupted();
  if (failure != nullptr) {
    if (PQtransactionStatus(connection_) != PQTRANS_IDLE) PQclear(PQexec(connection_, "rollback"));
    fail(failure.get(), failed_sql);
  }
  if (!ended || results.size() != statements.size()) fail(nullptr, "pipeline");
  return results;
}

void Connection::copy_in(const std::string& sql, const std::function<bool(std::string& data)>& next) {
  const StatementWatch watch(sql);
  {
    const ResultPtr result = only_result(connection_, PQsendQuery(connection_, sql.c_str()) == 1, Waits::kToWrite);
    throw_interrupted();
    if (PQresultStatus(result.get()) != PGRES_COPY_IN) fail(result.get(), sql);
  }
  std::string data(kCopyHeader);
  bool sent = true;
  try {
    while (sent && next(data)) {
      if (!pass_sending_point(connection_, sql)) throw Error(ErrorCode::kStoreUnavailable, "no space left");
      for (std::size_t done = 0; sent && done < data.size(); done += kCopyBytesAtOnce)
        sent = PQputCopyData(connection_, data.data() + done,
                             static_cast<int>(std::min(kCopyBytesAtOnce, data.size() - done))) == 1;
      data.clear();
    }
  } catch (...) {
    PQputCopyEnd(connection_, "cancelled");
    drain();
    throw;
  }
  data.append(kCopyTrailer);
  if (sent) PQputCopyData(connection_, data.data(), static_cast<int>(data.size()));
  PQputCopyEnd(connection_, nullptr);
  const ResultPtr result(PQgetResult(connection_));
  drain();
  if (!succeeded(result.get())) fail(result.get(), sql);
  pass_answer_point(connection_);
}

CopyOut::CopyOut(Connection& connection, const std::string& sql) : connection_(connection), sql_(sql) {
  PGconn* const session = connection_.connection_;
  const ResultPtr result = only_result(session, PQsendQuery(session, sql.c_str()) == 1, Waits::kToRead);
  throw_interrupted();
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT) connection_.fail(result.get(), sql);
}

CopyOut::~CopyOut() {
  if (buffer_ != nullptr) PQfreemem(buffer_);
  if (!done_) cancel();
}

void CopyOut::cancel() noexcept {
  if (!connection_.is_own()) return;
  if (PGcancel* handle = PQgetCancel(connection_.connection_)) {
    char message[256];
    PQcancel(handle, message, sizeof(message));
    PQfreeCancel(handle);
  }
  char* rest = nullptr;
  while (PQgetCopyData(connection_.connection_, &rest, 0) > 0) PQfreemem(rest);
  connection_.drain();
}

bool CopyOut::next(std::string_view& tuple) {
  std::optional<StatementWatch> until_first_row;
  if (first_) until_first_row.emplace(sql_);
  while (!done_) {
    if (buffer_ != nullptr) PQfreemem(std::exchange(buffer_, nullptr));
    const int length = copy_data(connection_.connection_, &buffer_);
    if (length <= 0) {
      done_ = true;
      const ResultPtr result(PQgetResult(connection_.connection_));
      connection_.drain();
      throw_interrupted();
      if (!succeeded(result.get())) connection_.fail(result.get(), sql_);
      return false;
    }
    tuple = {buffer_, static_cast<std::size_t>(length)};
    if (std::exchange(first_, false)) tuple.remove_prefix(std::min(kCopyHeader.size(), tuple.size()));
    if (!tuple.empty() && tuple != kCopyTrailer) return true;
  }
  return false;
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string quote_literal(std::string_view text) {
  const bool escape = text.find('\\') != std::string_view::npos;
  std::string quoted = escape ? " E'" : "'";
  for (const char c : text) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace intarsia
