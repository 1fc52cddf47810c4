// SPDX-License-Identifier: Apache-2.0
#include "storage/connect.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <chrono>
#include <map>
#include <memory>
#include <regex>
#include <string_view>

#include "intarsia/error.h"

namespace intarsia {

namespace {

constexpr int kOldestServer = 140000;

using Session = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Options = std::map<std::string, std::string>;

/// What the connection string says; libpq's own words about a wrong one would repeat it, password included.
Options options_of(const std::string& conninfo) {
  char* problem = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(conninfo.c_str(), &problem);
  PQfreemem(problem);
  if (parsed == nullptr)
    throw Error(ErrorCode::kInvalidConfiguration,
                "db_url is no connection string of PostgreSQL; it should look like "
                "postgresql://user:password@host:5432/database, with special characters of the password as %XX");
  Options options;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  PQconninfoFree(parsed);
  return options;
}

std::string option(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

/// "database 'd' at h1,h2:5432 as user 'u'", as far as the string says.
std::string target(const Options& options) {
  const std::string host = option(options, "host"), port = option(options, "port");
  const std::string user = option(options, "user"), database = option(options, "dbname");
  return fmt::format("database '{}' at {}{}{}", database.empty() ? user : database,
                     host.empty() ? "the local socket" : host, port.empty() ? "" : ":" + port,
                     user.empty() ? "" : fmt::format(" as user '{}'", user));
}

/// A lost server is noticed within a minute, also when it vanished without a word. What the string says wins.
Session open(const std::string& conninfo, const Options& options) {
  const bool several = option(options, "host").find(',') != std::string::npos;
  const char* const keywords[] = {
      "connect_timeout",      "keepalives_idle", "keepalives_interval",       "keepalives_count", "tcp_user_timeout",
      "target_session_attrs", "dbname",          "fallback_application_name", "client_encoding",  nullptr};
  const char* const values[] = {
      "10", "20", "5", "6", "50000", several ? "read-write" : "any", conninfo.c_str(), "intarsia", "UTF8", nullptr};
  return {PQconnectdbParams(keywords, values, 1), &PQfinish};
}

/// The server's refusal with its SQLSTATE, which libpq tells only in verbose words, and these can be ordered only once
/// there is a session: so it is asked a second time, unless that would take long. Empty: now there is a session.
std::string failure_of(PGconn* session, bool quick) {
  if (quick) {
    PQsetErrorVerbosity(session, PQERRORS_VERBOSE);
    PQreset(session);
    PQsetErrorVerbosity(session, PQERRORS_DEFAULT);
    if (PQstatus(session) == CONNECTION_OK) return "";
  }
  static const std::regex kLocation("\n?LOCATION:[^\n]*");
  std::string message = std::regex_replace(std::string(PQerrorMessage(session)), kLocation, "");
  while (message.ends_with('\n')) message.pop_back();
  return message;
}

std::string sqlstate_in(const std::string& message) {
  static const std::regex kState(": +([0-9][0-9A-Z]{4}): ");
  std::smatch found;
  return std::regex_search(message, found, kState) ? found[1].str() : "";
}

struct Refusal {
  std::string_view sqlstate;  ///< or its beginning
  ErrorCode code;
  bool retriable;
  const char* cure;
};
constexpr Refusal kRefusals[] = {
    {"28", ErrorCode::kInvalidConfiguration, false,
     "check the user and the password, and what the server's pg_hba.conf allows"},
    {"3D000", ErrorCode::kInvalidConfiguration, false, "create the database, or name another one"},
    {"42501", ErrorCode::kInvalidConfiguration, false, "the user needs CONNECT and CREATE on the database"},
    {"53300", ErrorCode::kDatabaseUnavailable, true,
     "end sessions of others, or raise the server's max_connections or the limit of the user"},
    {"53", ErrorCode::kDatabaseUnavailable, true, "the server lacks memory or disk space"},
    {"57P", ErrorCode::kDatabaseUnavailable, true, "the server starts or stops"},
    {"08", ErrorCode::kDatabaseUnavailable, true, "the server is not to be reached"},
    {"", ErrorCode::kInvalidConfiguration, false, "check db_url"},
};

[[noreturn]] void refuse(PGconn* session, const Options& options, const std::string& message) {
  const std::string what = fmt::format("cannot connect to {}: {}", target(options), message);
  const std::string state = sqlstate_in(message);
  if (PQconnectionNeedsPassword(session) != 0)
    throw Error(ErrorCode::kInvalidConfiguration, what + "; put the password into db_url or ~/.pgpass", state);
  if (state.empty() && message.starts_with("invalid "))
    throw Error(ErrorCode::kInvalidConfiguration, what + "; check db_url");
  if (state.empty())
    throw Error(ErrorCode::kDatabaseUnavailable, what + "; see that the server runs and is to be reached from here", {},
                true);
  for (const Refusal& refusal : kRefusals)
    if (state.starts_with(refusal.sqlstate))
      throw Error(refusal.code, fmt::format("{}; {}", what, refusal.cure), state, refusal.retriable);
  throw Error(ErrorCode::kInternal, what);
}

bool is_on(PGconn* session, const char* parameter) {
  const char* value = PQparameterStatus(session, parameter);
  return value != nullptr && std::string_view(value) == "on";
}

void check_server(PGconn* session, const Options& options) {
  const int version = PQserverVersion(session);
  if (version < kOldestServer)
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("{} is PostgreSQL {}; Intarsia needs 14 or later: upgrade the server, or name another one",
                            target(options), version / 10000));
  const char* encoding = PQparameterStatus(session, "server_encoding");
  if (encoding != nullptr && std::string_view(encoding) != "UTF8")
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("{} has encoding {}; Intarsia needs UTF8: create database ... encoding 'UTF8' template "
                            "template0",
                            target(options), encoding));
  if (is_on(session, "in_hot_standby"))
    throw Error(ErrorCode::kInvalidState,
                fmt::format("{} is a standby, which takes no writes; name the primary in db_url, or all servers: "
                            "postgresql://a,b/{}?target_session_attrs=read-write",
                            target(options), option(options, "dbname")),
                {}, true);
  const char* host = PQhost(session);
  // The home's own goes on reading while its disk is full.
  const bool is_own = host != nullptr && *host == '/' && option(options, "user") == "intarsia";
  if (!is_own && is_on(session, "default_transaction_read_only"))
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("{} takes no writes: default_transaction_read_only is on; alter role ... set "
                            "default_transaction_read_only = off, or use another role",
                            target(options)));
}

}  // namespace

pg_conn* connect(const std::string& conninfo) {
  const Options options = options_of(conninfo);
  const auto begin = std::chrono::steady_clock::now();
  Session session = open(conninfo, options);
  if (PQstatus(session.get()) != CONNECTION_OK) {
    const bool quick = std::chrono::steady_clock::now() - begin < std::chrono::seconds(1);
    const std::string failure = failure_of(session.get(), quick);
    if (!failure.empty()) refuse(session.get(), options, failure);
  }
  check_server(session.get(), options);
  return session.release();
}

}  // namespace intarsia
