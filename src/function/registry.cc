// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>

#include "function/builtins.h"
#include "function/iterator.h"
#include "intarsia/function.h"
#include "storage/fork.h"

namespace intarsia {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <typename T>
using ByName = std::unordered_map<std::string, std::unique_ptr<const T>, TextHash, std::equal_to<>>;

/// What this process knows by name.
struct Registry {
  ForkMutex<std::shared_mutex> mutex;
  ByName<Function> functions;
  ByName<IteratorFunction> iterators;
  std::vector<std::unique_ptr<const Function>> replaced;               // pointers to them are still about
  std::unordered_set<std::string, TextHash, std::equal_to<>> unknown;  // the loader does not have them
  FunctionLoader loader;
};

Registry& registry() {
  static Registry* const instance = new Registry;  // lives as long as threads that may still look something up
  return *instance;
}

void require_builtins() {
  static std::once_flag once;
  std::call_once(once, register_builtins);
}

/// Adds under the lock; an existing function of the name stays. Returns what is registered then.
const Function* add(Registry& r, Function function, bool& added) {
  std::string name = function.name;
  r.unknown.erase(name);
  const auto [entry, is_new] = r.functions.try_emplace(std::move(name));
  if (is_new) entry->second = std::make_unique<const Function>(std::move(function));
  added = is_new;
  return entry->second.get();
}

}  // namespace

void register_builtins() {
  register_operator_functions();
  register_string_functions();
  register_math_functions();
  register_json_functions();
  register_array_functions();
  register_uuid_functions();
  register_timestamp_functions();
  register_image_functions();
  register_video_functions();
}

void register_function(Function function) {
  Registry& r = registry();
  const std::string name = function.name;
  bool added = false;
  {
    const std::unique_lock lock(r.mutex);
    add(r, std::move(function), added);
  }
  if (!added) throw Error(ErrorCode::kFunctionAlreadyExists, "function '" + name + "' is already registered");
}

void replace_function(Function function) {
  Registry& r = registry();
  auto fresh = std::make_unique<const Function>(std::move(function));
  const std::unique_lock lock(r.mutex);
  r.unknown.erase(fresh->name);
  auto& slot = r.functions[fresh->name];
  if (slot != nullptr) r.replaced.push_back(std::move(slot));
  slot = std::move(fresh);
}

const Function* find_function(std::string_view name) {
  require_builtins();
  Registry& r = registry();
  FunctionLoader loader;
  {
    const std::shared_lock lock(r.mutex);
    if (const auto found = r.functions.find(name); found != r.functions.end()) return found->second.get();
    if (!r.loader || r.unknown.contains(name)) return nullptr;
    loader = r.loader;
  }
  std::optional<Function> loaded = loader(name);  // outside the lock: it may import, and so register, what it likes
  const std::unique_lock lock(r.mutex);
  if (const auto found = r.functions.find(name); found != r.functions.end()) return found->second.get();
  if (loaded && loaded->name == name) {
    bool added = false;
    return add(r, *std::move(loaded), added);
  }
  r.unknown.emplace(name);
  return nullptr;
}

std::vector<const Function*> list_functions() {
  require_builtins();
  Registry& r = registry();
  std::vector<const Function*> functions;
  {
    const std::shared_lock lock(r.mutex);
    for (const auto& [name, function] : r.functions) functions.push_back(function.get());
  }
  std::sort(functions.begin(), functions.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return functions;
}

void set_function_loader(FunctionLoader loader) {
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  r.loader = std::move(loader);
  r.unknown.clear();
}

void register_iterator(IteratorFunction iterator) {
  register_function(iterator.function);
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  std::string name = iterator.function.name;
  r.iterators[std::move(name)] = std::make_unique<const IteratorFunction>(std::move(iterator));
}

const IteratorFunction* find_iterator(std::string_view name) {
  require_builtins();
  Registry& r = registry();
  const std::shared_lock lock(r.mutex);
  const auto found = r.iterators.find(name);
  return found == r.iterators.end() ? nullptr : found->second.get();
}

}  // namespace intarsia
