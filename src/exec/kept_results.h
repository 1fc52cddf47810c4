// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "intarsia/batch.h"
#include "intarsia/database.h"
#include "intarsia/function.h"
#include "storage/pool.h"

namespace intarsia {

/// Results of functions that take time (models, services, UDFs), kept in the SQL table `results` as soon as they are
/// there and looked up before a call: no finished call is made again, whatever becomes of the operation that made it.
/// Errors are not kept, nor results of functions that are not deterministic. A call that costs less than keeping its
/// result is neither looked up nor kept; what it costs is measured. Thread-safe.
class KeptResults {
 public:
  using Run = std::function<Column(const std::vector<Column>& args, std::int64_t rows)>;

  KeptResults(Pool& pool, std::int64_t limit) : pool_(pool), limit_(limit) {}

  /// Whether results of this function are kept at all.
  [[nodiscard]] static bool keeps(const Function& function);
  /// Results of `rows` calls, of which `run` makes those that are needed, some at a time.
  Column call(const Function& function, const Type& type, const std::vector<Column>& args, std::int64_t rows,
              const Run& run);

  [[nodiscard]] std::vector<KeptResultsInfo> list();
  /// Removes those of one function, or all; the number of results.
  std::int64_t clear(const std::string& function);
  /// Bytes of all of them.
  [[nodiscard]] std::int64_t size();
  /// The oldest go when there are too many.
  void keep_to_limit();

 private:
  Column piece(const Function& function, const Type& type, const std::vector<Column>& args, std::int64_t rows,
               const Run& run);
  Column timed(const Function& function, const std::vector<Column>& args, std::int64_t rows, const Run& run);
  void save(const std::string& fingerprint, const std::vector<std::string>& keys, const Column& results);
  [[nodiscard]] double cost(const std::string& fingerprint) const;  // seconds of a call; negative: not known

  Pool& pool_;
  std::int64_t limit_;
  mutable ForkMutex<> mutex_;
  std::map<std::string, double> costs_;  // by fingerprint
  int saves_ = 0;
};

}  // namespace intarsia
