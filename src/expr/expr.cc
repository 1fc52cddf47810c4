// SPDX-License-Identifier: Apache-2.0
#include "intarsia/expr.h"

#include <fmt/format.h>

#include "expr/binding.h"
#include "expr/node.h"
#include "intarsia/error.h"
#include "intarsia/function.h"

namespace intarsia {
namespace {

/// The family of functions that are methods of a kind.
std::string_view family_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt:
    case TypeKind::kFloat:
      return "math";
    case TypeKind::kString:
      return "string";
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kTimestamp:
      return "timestamp";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kUuid:
      return "uuid";
    case TypeKind::kJson:
      return "json";
    case TypeKind::kArray:
      return "array";
    case TypeKind::kBinary:
      return "binary";
    case TypeKind::kImage:
      return "image";
    case TypeKind::kVideo:
      return "video";
    case TypeKind::kAudio:
      return "audio";
    case TypeKind::kDocument:
      return "document";
  }
  return {};
}

bool is_cell_property(std::string_view method) {
  return method == "errortype" || method == "errormsg" || method == "fileurl" || method == "localpath";
}

/// What the user wrote, for a message about it.
std::string attempted_text(const std::string& name, const std::vector<Expr>& args) {
  return ExprNode::make({.kind = Expr::Kind::kCall, .type = {}, .name = name, .args = args}).text();
}

Expr call_operator(std::string name, std::vector<Expr> args) {
  const std::string written_name = name;
  const std::vector<Expr> written_args = args;
  const Function* function = find_function(name);
  if (function == nullptr) throw Error(ErrorCode::kFunctionNotFound, fmt::format("unknown operator '{}'", name));
  if (args.size() != function->parameters.size())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} takes {} operands", name, function->parameters.size()));
  try {
    normalize_operator(name, args);
    if (name != written_name) function = find_function(name);
    args = bind_arguments(*function, std::move(args), {});
    const Type type = result_type(*function, args);
    return ExprNode::make({.kind = Expr::Kind::kCall, .type = type, .name = name, .args = std::move(args)});
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::kTypeMismatch) throw;
    throw Error(failure.code(), fmt::format("{}: {}", attempted_text(written_name, written_args), failure.what()));
  }
}

Expr cell_property(std::string_view property, const Expr& of) {
  if (of.kind() != Expr::Kind::kColumn)
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("{} only valid for a stored computed or media column: {}", property, of.text()));
  return Expr::call("cell." + std::string(property), {of});
}

}  // namespace

Expr::Expr(const Value& value)
    : node_(std::make_shared<const ExprNode>(ExprNode{.kind = Kind::kLiteral, .type = value.type(), .value = value})) {}

Expr Expr::literal(const Value& value, const Type& type) {
  return ExprNode::make({.kind = Kind::kLiteral, .type = type, .value = value});
}

Expr Expr::column(std::int64_t table_id, std::int64_t column_id, std::string name, const Type& type) {
  return ExprNode::make({.kind = Kind::kColumn,
                         .type = type,
                         .value = {},
                         .table_id = table_id,
                         .column_id = column_id,
                         .name = std::move(name)});
}

Expr Expr::call(std::string_view name, std::vector<Expr> positional, NamedArgs named) {
  if (name.starts_with("op.") && named.empty()) return call_operator(std::string(name), std::move(positional));
  const Function* function = find_function(name);
  if (function == nullptr) throw Error(ErrorCode::kFunctionNotFound, fmt::format("there is no function '{}'", name));
  std::vector<Expr> args = bind_arguments(*function, std::move(positional), std::move(named));
  const Type type = result_type(*function, args);
  return ExprNode::make({.kind = Kind::kCall, .type = type, .name = function->name, .args = std::move(args)});
}

Expr::Kind Expr::kind() const {
  return node_->kind;
}
const Type& Expr::type() const {
  return node_->type;
}
const Value& Expr::value() const {
  return node_->value;
}
std::int64_t Expr::table_id() const {
  return node_->table_id;
}
std::int64_t Expr::column_id() const {
  return node_->column_id;
}
const std::string& Expr::name() const {
  return node_->name;
}
const std::vector<Expr>& Expr::args() const {
  return node_->args;
}

bool Expr::is_call(std::string_view function) const {
  return node_ != nullptr && node_->kind == Kind::kCall && node_->name == function;
}

bool Expr::same_as(const Expr& other) const {
  if (node_ == other.node_) return true;
  if (node_ == nullptr || other.node_ == nullptr) return false;
  const ExprNode &a = *node_, &b = *other.node_;
  if (a.kind != b.kind || a.name != b.name || a.table_id != b.table_id || a.column_id != b.column_id ||
      a.args.size() != b.args.size() || a.type != b.type || !(a.value == b.value))
    return false;
  for (std::size_t i = 0; i < a.args.size(); ++i)
    if (!a.args[i].same_as(b.args[i])) return false;
  return true;
}

Expr Expr::errortype() const {
  return cell_property("errortype", *this);
}

Expr Expr::errormsg() const {
  return cell_property("errormsg", *this);
}

Expr Expr::call_method(std::string_view method, std::vector<Expr> positional, NamedArgs named) const {
  if (is_cell_property(method) && positional.empty() && named.empty()) return cell_property(method, *this);
  const std::string name = fmt::format("{}.{}", family_of(type().kind()), method);
  const Function* function = find_function(name);
  if (function == nullptr || (!function->is_method && !function->is_property))
    throw Error(ErrorCode::kInvalidExpression, fmt::format("Unknown method (of type {}): {}", type().text(), method));
  positional.insert(positional.begin(), *this);
  return call(name, std::move(positional), std::move(named));
}

}  // namespace intarsia
