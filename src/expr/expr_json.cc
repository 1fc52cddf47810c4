// SPDX-License-Identifier: Apache-2.0
// The JSON form of an expression, one of
//   {"lit": <a Value's JSON form>, "type": T}
//   {"table": id, "column": id, "name": text, "type": T}
//   {"call": function, "args": [...], "type": T}
// with T a Type's JSON form. Other fields are ignored.
#include <nlohmann/json.hpp>

#include "expr/node.h"
#include "intarsia/error.h"

namespace intarsia {
namespace {

using Fields = nlohmann::json;

Fields to_fields(const Expr& expr) {
  Fields fields = {{"type", Fields::parse(expr.type().json())}};
  switch (expr.kind()) {
    case Expr::Kind::kLiteral:
      fields["lit"] = Fields::parse(expr.value().json());
      break;
    case Expr::Kind::kColumn:
      fields["table"] = expr.table_id();
      fields["column"] = expr.column_id();
      fields["name"] = expr.name();
      break;
    case Expr::Kind::kCall:
      fields["call"] = expr.name();
      fields["args"] = Fields::array();
      for (const Expr& arg : expr.args()) fields["args"].push_back(to_fields(arg));
      break;
  }
  return fields;
}

Expr from_fields(const Fields& fields) {
  const Type type = Type::from_json(fields.at("type").dump());
  if (fields.contains("lit")) return Expr::literal(Value::from_json(fields["lit"].dump()), type);
  if (fields.contains("column"))
    return Expr::column(fields.at("table").get<std::int64_t>(), fields["column"].get<std::int64_t>(),
                        fields.at("name").get<std::string>(), type);
  ExprNode node{.kind = Expr::Kind::kCall, .type = type, .name = fields.at("call").get<std::string>()};
  for (const Fields& arg : fields.at("args")) node.args.push_back(from_fields(arg));
  return ExprNode::make(std::move(node));
}

}  // namespace

std::string Expr::json() const {
  return to_fields(*this).dump(-1, ' ', false, Fields::error_handler_t::replace);
}

Expr Expr::from_json(std::string_view json) try {
  return from_fields(Fields::parse(json));
} catch (const Fields::exception& failure) {
  throw Error(ErrorCode::kInvalidDataFormat, "not the JSON form of an expression: " + std::string(json),
              failure.what());
}

}  // namespace intarsia
