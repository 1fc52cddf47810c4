// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>

namespace intarsia::limits {
namespace {

using Result = std::unique_ptr<PGresult, decltype([](PGresult* r) { PQclear(r); })>;

bool good(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

Session::Session(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_) == CONNECTION_OK) return;
  const std::string message = PQerrorMessage(connection_);
  PQfinish(connection_);
  throw std::runtime_error("connect: " + message);
}

Session::~Session() {
  PQfinish(connection_);
}

void Session::fail(const std::string& sql) const {
  throw std::runtime_error(sql + ": " + PQerrorMessage(connection_));
}

std::int64_t Session::run(const std::string& sql) {
  const Result result(PQexec(connection_, sql.c_str()));
  if (!good(result.get())) fail(sql);
  return PQntuples(result.get());
}

void Session::copy_in(const std::string& sql, const std::function<std::string_view()>& next) {
  const Result begun(PQexec(connection_, sql.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) fail(sql);
  for (std::string_view piece = next(); !piece.empty(); piece = next()) {
    if (PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size())) != 1) fail(sql);
  }
  if (PQputCopyEnd(connection_, nullptr) != 1) fail(sql);
  while (const Result result{PQgetResult(connection_)}) {
    if (!good(result.get())) fail(sql);
  }
}

void Session::copy_out(const std::string& sql, const std::function<void(std::string_view)>& visit) {
  const Result begun(PQexec(connection_, sql.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) fail(sql);
  char* buffer = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(connection_, &buffer, 0)) > 0) {
    visit({buffer, static_cast<std::size_t>(size)});
    PQfreemem(buffer);
  }
  if (size == -2) fail(sql);
  while (const Result result{PQgetResult(connection_)}) {
    if (!good(result.get())) fail(sql);
  }
}

}  // namespace intarsia::limits
