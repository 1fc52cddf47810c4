// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "intarsia/batch.h"
#include "intarsia/error.h"
#include "intarsia/type.h"
#include "intarsia/value.h"

namespace intarsia {

class Expr;

/// One parameter of a function. An argument that is null makes the result null, unless the type is nullable.
struct Parameter {
  std::string name;
  Type type;
  std::optional<Value> default_value = std::nullopt;  ///< present: the argument may be left out
  bool keyword_only = false;
  /// A Json parameter that takes a value of every kind as it is (`json.dumps`, `==`).
  bool any_kind = false;
};

/// Appends `rows` cells to `out`; every argument has that many rows, a literal one as a constant column. A row whose
/// computation fails gets append_error; throwing ends the whole operation. Called from several threads at once unless
/// the function says not to.
using Kernel = std::function<void(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out)>;

/// Where a function runs.
enum class Runs {
  kInline,        ///< cheap: on the thread that has the batch
  kParallel,      ///< costly and thread-safe: rows of a batch are shared among the engine's threads
  kCallerThread,  ///< only on the thread that called the engine (Python functions)
};

/// A scalar function: the one description that planning, docs, stubs, help and tests derive from.
struct Function {
  std::string name;  ///< "string.upper"; UDFs "py:package.module.function" or "cc:name"
  std::vector<Parameter> parameters;
  Type return_type;
  std::string doc;      ///< one sentence, then what a caller must know
  std::string example;  ///< Python: "t.name.upper()"
  Kernel kernel;
  /// Narrows the return type by the arguments (`literals[i]` null when argument i is no literal). Optional.
  std::function<Type(std::span<const Type> types, std::span<const Value* const> literals)> infer = nullptr;
  /// PostgreSQL text with {0}, {1}, ... that means exactly the same for every input; empty: engine only.
  std::string sql = {};
  /// The same where the text depends on the arguments' types or literals: gets them and their SQL; an empty answer
  /// means engine only for these arguments. It is asked when `sql` is empty. Optional.
  std::function<std::string(std::span<const Expr> args, std::span<const std::string> sql)> to_sql = nullptr;
  /// Takes many rows to one value. It has no kernel: SQL or a group operator evaluates it.
  bool is_aggregate = false;
  Runs runs = Runs::kInline;
  bool is_method = false;    ///< `t.col.upper()`
  bool is_property = false;  ///< `t.col.width`
  bool deterministic = true;
  /// false: the result of a call is worth keeping (models, services, UDFs that are not declared cheap).
  bool cheap = true;
  /// Rows that its kernel should get at once where it can: of a batched function those of a batch, of an asynchronous
  /// one the calls in flight.
  std::int64_t rows_at_once = 1;
  /// Hash of all that decides its values; empty: the name decides.
  std::string fingerprint = {};
};

/// Adds to the registry of this process; throws Error(kFunctionAlreadyExists) when the name is taken.
void register_function(Function function);
/// Registers, or takes the place of the function of that name (a notebook defines its UDF again). Pointers that
/// find_function gave earlier stay valid.
void replace_function(Function function);
/// nullptr when there is none; asks the loader (see set_function_loader) for names it may know.
[[nodiscard]] const Function* find_function(std::string_view name);
/// Every registered function, by name.
[[nodiscard]] std::vector<const Function*> list_functions();
/// Called for names that the registry does not have; its answer is kept. Python sets one that imports "py:..." names.
using FunctionLoader = std::function<std::optional<Function>(std::string_view name)>;
void set_function_loader(FunctionLoader loader);

namespace detail {

/// Of the file that has the code at `address`: changes when it is built anew.
[[nodiscard]] std::string program_fingerprint(const void* address);

template <typename T>
struct CellType;  // how a C++ type reads from and writes to a column
template <>
struct CellType<std::int64_t> {
  static constexpr TypeKind kKind = TypeKind::kInt;
  static std::int64_t read(const Column& c, std::int64_t row) { return c.int_at(row); }
  static void write(ColumnBuilder& out, std::int64_t value) { out.append_int(value); }
};
template <>
struct CellType<double> {
  static constexpr TypeKind kKind = TypeKind::kFloat;
  static double read(const Column& c, std::int64_t row) { return c.float_at(row); }
  static void write(ColumnBuilder& out, double value) { out.append_float(value); }
};
template <>
struct CellType<bool> {
  static constexpr TypeKind kKind = TypeKind::kBool;
  static bool read(const Column& c, std::int64_t row) { return c.bool_at(row); }
  static void write(ColumnBuilder& out, bool value) { out.append_bool(value); }
};
template <>
struct CellType<std::string_view> {
  static constexpr TypeKind kKind = TypeKind::kString;
  static std::string_view read(const Column& c, std::int64_t row) { return c.text_at(row); }
  static void write(ColumnBuilder& out, std::string_view value) { out.append_text(value); }
};
template <>
struct CellType<std::string> {
  static constexpr TypeKind kKind = TypeKind::kString;
  static std::string read(const Column& c, std::int64_t row) { return std::string(c.text_at(row)); }
  static void write(ColumnBuilder& out, const std::string& value) { out.append_text(value); }
};
template <>
struct CellType<Timestamp> {
  static constexpr TypeKind kKind = TypeKind::kTimestamp;
  static Timestamp read(const Column& c, std::int64_t row) { return c.timestamp_at(row); }
  static void write(ColumnBuilder& out, Timestamp value) { out.append_timestamp(value); }
};
template <>
struct CellType<Date> {
  static constexpr TypeKind kKind = TypeKind::kDate;
  static Date read(const Column& c, std::int64_t row) { return c.date_at(row); }
  static void write(ColumnBuilder& out, Date value) { out.append_date(value); }
};
template <>
struct CellType<Uuid> {
  static constexpr TypeKind kKind = TypeKind::kUuid;
  static Uuid read(const Column& c, std::int64_t row) { return c.uuid_at(row); }
  static void write(ColumnBuilder& out, const Uuid& value) { out.append_uuid(value); }
};
template <>
struct CellType<Json> {
  static constexpr TypeKind kKind = TypeKind::kJson;
  static Json read(const Column& c, std::int64_t row) { return {std::string(c.text_at(row))}; }
  static void write(ColumnBuilder& out, const Json& value) { out.append_text(value.text); }
};
template <>
struct CellType<Binary> {
  static constexpr TypeKind kKind = TypeKind::kBinary;
  static Binary read(const Column& c, std::int64_t row) { return {std::string(c.text_at(row))}; }
  static void write(ColumnBuilder& out, const Binary& value) { out.append_text(value.bytes); }
};
template <>
struct CellType<Array> {
  static constexpr TypeKind kKind = TypeKind::kArray;
  static Array read(const Column& c, std::int64_t row) { return c.array_at(row); }
  static void write(ColumnBuilder& out, const Array& value) {
    out.append_array(value.dtype, value.shape, value.data.data());
  }
};
template <>
struct CellType<Image> {
  static constexpr TypeKind kKind = TypeKind::kImage;
  static Image read(const Column& c, std::int64_t row) { return c.image_at(row); }
  static void write(ColumnBuilder& out, Image value) { out.append_image(std::move(value)); }
};
template <>
struct CellType<Value> {  // any kind
  static constexpr TypeKind kKind = TypeKind::kJson;
  static Value read(const Column& c, std::int64_t row) { return c.value_at(row); }
  static void write(ColumnBuilder& out, const Value& value) { out.append(value); }
};
template <typename T>
struct CellType<std::optional<T>> {
  static constexpr TypeKind kKind = CellType<T>::kKind;
  static std::optional<T> read(const Column& c, std::int64_t row) {
    return c.is_null(row) ? std::nullopt : std::optional<T>(CellType<T>::read(c, row));
  }
  static void write(ColumnBuilder& out, std::optional<T> value) {
    if (value)
      CellType<T>::write(out, *std::move(value));
    else
      out.append_null();
  }
};

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// Runs `compute` for one row; what it throws becomes the cell's error.
template <typename Compute>
void append_cell_or_error(ColumnBuilder& out, Compute&& compute) {
  const std::int64_t before = out.length();
  CellError error;
  try {
    compute();
    return;
  } catch (const CellFailure& failure) {
    error = {failure.type(), failure.what(), {}};
  } catch (const Error& failure) {
    error = {"Error", failure.what(), failure.detail()};
  } catch (const std::exception& failure) {
    error = {"RuntimeError", failure.what(), {}};
  }
  if (out.length() == before) out.append_error(std::move(error));
}

template <typename Result, typename... Args, typename Fn, std::size_t... I>
Kernel make_scalar_kernel(Fn fn, std::index_sequence<I...>) {
  return [fn = std::move(fn)]([[maybe_unused]] std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
    out.reserve(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      if (((!kIsOptional<Args> && args[I].is_null(row)) || ...)) {
        out.append_null();
        continue;
      }
      append_cell_or_error(out, [&] { CellType<Result>::write(out, fn(CellType<Args>::read(args[I], row)...)); });
    }
  };
}

template <typename Fn>
struct Signature : Signature<decltype(&Fn::operator())> {};
template <typename R, typename... A>
struct Signature<R (*)(A...)> {
  using Result = std::remove_cvref_t<R>;
  static std::vector<TypeKind> kinds() { return {CellType<std::remove_cvref_t<A>>::kKind...}; }
  static std::vector<bool> nullable() { return {kIsOptional<std::remove_cvref_t<A>>...}; }
  template <typename Fn>
  static Kernel kernel(Fn fn) {
    return make_scalar_kernel<Result, std::remove_cvref_t<A>...>(std::move(fn), std::index_sequence_for<A...>{});
  }
};
template <typename C, typename R, typename... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};

}  // namespace detail

/// The kernel of a plain C++ function over cells: `scalar_kernel([](std::string_view s) { return s.size() > 3; })`.
/// Parameter and result types: int64_t, double, bool, string_view, string, Timestamp, Date, Uuid, Json, Binary, Array,
/// Image, Value (any kind), and std::optional of them (takes or gives null). A null argument of a parameter that is not
/// optional gives null. An exception is the error of that cell.
template <typename Fn>
[[nodiscard]] Kernel scalar_kernel(Fn fn) {
  return detail::Signature<Fn>::kernel(std::move(fn));
}

struct UdfOptions {
  std::string doc = {};
  /// Names what decides its values: results of calls that take long are kept until it changes. Empty: until the program
  /// or library that has the function is built anew.
  std::string version = {};
  bool cheap = false;  ///< true: a call costs less than keeping its result
};

/// Registers a UDF "cc:<name>" from a C++ function; parameter names and the result type come from its signature.
/// `udf("brightness", {"frame"}, [](const Image& frame) { return ...; })`. Returns the registered name.
template <typename Fn>
std::string udf(const std::string& name, std::vector<std::string> parameter_names, Fn fn, UdfOptions options = {}) {
  using S = detail::Signature<Fn>;
  Function function;
  function.name = "cc:" + name;
  const auto kinds = S::kinds();
  const auto nullable = S::nullable();
  if (kinds.size() != parameter_names.size())
    throw Error(ErrorCode::kInvalidArgument, "udf '" + name + "': " + std::to_string(parameter_names.size()) +
                                                 " parameter names for " + std::to_string(kinds.size()) +
                                                 " parameters");
  for (std::size_t i = 0; i < kinds.size(); ++i)
    function.parameters.push_back({std::move(parameter_names[i]), Type(kinds[i], nullable[i])});
  function.return_type = Type(detail::CellType<typename S::Result>::kKind, detail::kIsOptional<typename S::Result>);
  function.doc = std::move(options.doc);
  function.kernel = S::kernel(std::move(fn));
  function.runs = Runs::kParallel;
  function.cheap = options.cheap;
  static const char kOfProgram = 0;
  function.fingerprint =
      options.version.empty() ? detail::program_fingerprint(&kOfProgram) : std::move(options.version);
  std::string registered = function.name;
  register_function(std::move(function));
  return registered;
}

}  // namespace intarsia
