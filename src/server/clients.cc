// SPDX-License-Identifier: Apache-2.0
#include "server/clients.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <memory>

#include "intarsia/error.h"

namespace intarsia {
namespace {

using Clock = std::chrono::steady_clock;
using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

Connection connect(const std::string& conninfo) {
  return {PQconnectdb((conninfo + " application_name=intarsia-server").c_str()), &PQfinish};
}

Connection connect_or_fail(const std::string& conninfo) {
  Connection connection = connect(conninfo);
  if (PQstatus(connection.get()) == CONNECTION_OK) return connection;
  throw Error(ErrorCode::kDatabaseUnavailable,
              fmt::format("cannot connect to the new server: {}", PQerrorMessage(connection.get())), {}, true);
}

Result execute(PGconn* connection, const char* sql) {
  Result result{PQexec(connection, sql), &PQclear};
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
  throw Error(ErrorCode::kDatabaseUnavailable, fmt::format("'{}' failed: {}", sql, PQerrorMessage(connection)));
}

bool any(PGconn* connection, const char* sql) {
  return PQntuples(execute(connection, sql).get()) > 0;
}

}  // namespace

void prepare_database(const std::string& server_conninfo, const std::string& conninfo, bool fresh) {
  Connection database{nullptr, &PQfinish};
  if (!fresh) database = connect(conninfo);
  if (PQstatus(database.get()) != CONNECTION_OK) {  // of no connection, too
    const Connection server = connect_or_fail(server_conninfo);
    if (!any(server.get(), "select 1 from pg_database where datname = 'intarsia'")) {
      execute(server.get(), "create database intarsia");
    }
    database = connect_or_fail(conninfo);
  }
  if (any(database.get(),
          "select 1 from pg_available_extensions where name = 'vector' and installed_version is null")) {
    execute(database.get(), "create extension if not exists vector");
  }
}

Clients::Clients(std::string conninfo) : conninfo_(std::move(conninfo)) {}

Clients::~Clients() {
  disconnect();
}

void Clients::ask() {
  if (connection_ == nullptr) connection_ = connect(conninfo_).release();
  if (asked_) return;
  // The second number counts clients that came and went between two questions.
  asked_ = PQsendQuery(connection_,
                       "select (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> "
                       "pg_backend_pid()), (select sum(sessions) from pg_stat_database)") == 1;
  if (!asked_) {
    // Full of clients, or in trouble: not idle.
    last_seen_ = Clock::now();
    disconnect();
  }
}

void Clients::listen() {
  if (connection_ == nullptr) return;
  if (PQconsumeInput(connection_) == 0) return disconnect();
  if (!asked_ || PQisBusy(connection_) != 0) return;
  while (const Result result{PQgetResult(connection_), &PQclear}) {
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) continue;
    const std::string clients = PQgetvalue(result.get(), 0, 0);
    std::string sessions = PQgetvalue(result.get(), 0, 1);
    if (clients != "0" || sessions != sessions_) last_seen_ = Clock::now();
    sessions_ = std::move(sessions);
  }
  asked_ = false;
}

void Clients::ask_and_wait() {
  const auto deadline = Clock::now() + std::chrono::seconds(1);
  ask();
  while (asked_ && Clock::now() < deadline) {
    pollfd ready{.fd = descriptor(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, 100);
    listen();
  }
}

int Clients::descriptor() const {
  return connection_ == nullptr ? -1 : PQsocket(connection_);
}

void Clients::disconnect() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
  asked_ = false;
}

}  // namespace intarsia
