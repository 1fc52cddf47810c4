// SPDX-License-Identifier: Apache-2.0
#include "intarsia/expr.h"

#include <gtest/gtest.h>

#include "function/iterator.h"
#include "intarsia/error.h"
#include "intarsia/function.h"

namespace intarsia {
namespace {

Expr column(std::string name, const Type& type) {
  static std::int64_t id = 0;
  return Expr::column(1, ++id, std::move(name), type);
}

const Expr kId = column("id", TypeKind::kInt);
const Expr kF = column("f", Type(TypeKind::kFloat, true));
const Expr kS = column("s", TypeKind::kString);
const Expr kJ = column("j", Type(TypeKind::kJson, true));
const Expr kB = column("b", Type(TypeKind::kBool, true));
const Expr kImg = column("img", Type(TypeKind::kImage, true));
const Expr kTs = column("ts", Type(TypeKind::kTimestamp, true));

template <typename Make>
std::string error_of(const Make& make) {
  try {
    (void)make();
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

TEST(Expr, ArithmeticHasTypesAndText) {
  EXPECT_EQ((kId + 1).type(), Type(TypeKind::kInt));
  EXPECT_EQ((kId / 2).type(), Type(TypeKind::kFloat));
  EXPECT_EQ((kId * 1.5).type(), Type(TypeKind::kFloat));
  EXPECT_EQ((kF + kId).type(), Type(TypeKind::kFloat, true));
  EXPECT_EQ((kJ["a"] + 1).type(), Type(TypeKind::kFloat, true));
  EXPECT_EQ((kS + "x").type(), Type(TypeKind::kString));
  EXPECT_EQ((1 / (kId - 1)).text(), "1 / (id - 1)");
  EXPECT_EQ(((kId + 1) * 2).text(), "(id + 1) * 2");
  EXPECT_EQ((kId - (kId - 1)).text(), "id - (id - 1)");
  EXPECT_EQ(Expr::call("op.floordiv", {kId, 2}).text(), "id // 2");
  EXPECT_EQ((-(kId + 1)).text(), "-(id + 1)");
  EXPECT_EQ((kJ["a"] + 1).text(), "j.a + 1");
}

TEST(Expr, ConditionsHaveTypesAndText) {
  EXPECT_EQ((kId > 1).type(), Type(TypeKind::kBool));
  EXPECT_EQ((kF > 1).type(), Type(TypeKind::kBool, true));
  EXPECT_EQ((kId + 1 > 2).text(), "id + 1 > 2");
  EXPECT_EQ((kS == "it's").text(), "s == \"it's\"");
  EXPECT_EQ(((kId > 1) && (kF < 2) && kB).text(), "(id > 1) & (f < 2) & (b)");
  EXPECT_EQ((((kId > 1) || (kF < 2)) && kB).text(), "((id > 1) | (f < 2)) & (b)");
  EXPECT_EQ((!(kId > 1)).text(), "~(id > 1)");
  EXPECT_EQ((kF == Value()).text(), "f == None");
  EXPECT_EQ((kF != Value()).text(), "f != None");
  EXPECT_TRUE((kF == Value()).is_call("op.is_null"));
  EXPECT_TRUE((Expr(Value()) == kF).is_call("op.is_null"));
  EXPECT_EQ((kF == Value()).type(), Type(TypeKind::kBool));
  EXPECT_EQ(kId.isin({1, 2}).text(), "id.isin([1, 2])");
  EXPECT_EQ((kJ["a"] == "x").text(), "j.a == 'x'");
  EXPECT_EQ(error_of([] { return kF > Value(); }), "f > None: None has no order; only == and != compare with None");
}

TEST(Expr, AStringBesideATimeIsThatTime) {
  const Expr later = kTs > "2020-01-01";
  EXPECT_EQ(later.args()[1].value().as<Timestamp>(), Timestamp{1'577'836'800'000'000});
  EXPECT_EQ(later.text(), "ts > '2020-01-01T00:00:00+00:00'");
  EXPECT_EQ(kTs.isin({"2020-01-01"}).args()[1].value().as<Json>().text, "[\"2020-01-01T00:00:00+00:00\"]");
  EXPECT_THROW((void)(kTs > "soon"), Error);
}

TEST(Expr, TypeErrorsNameTheExpressionAndTheOperand) {
  EXPECT_EQ(error_of([] { return kImg + 1; }),
            "img + 1: + requires numeric types, but left operand has type `Image | None`");
  EXPECT_EQ(error_of([] { return kId + true; }),
            "id + True: + requires numeric types, but right operand has type `Bool`");
  EXPECT_EQ(error_of([] { return kId && kB; }),
            "(id) & (b): & requires conditions (Bool), but left operand has type `Int`");
  EXPECT_THROW((void)(kId == "a"), Error);
  EXPECT_EQ(error_of([] { return kId["a"]; }), "Type Int is not subscriptable");
  EXPECT_EQ(error_of([] { return kImg.call_method("foo"); }), "Unknown method (of type Image | None): foo");
  EXPECT_EQ(error_of([] { return (kId + 1).errortype(); }),
            "errortype only valid for a stored computed or media column: id + 1");
  EXPECT_EQ(error_of([] { return Expr::call("no.such", {}); }), "there is no function 'no.such'");
}

TEST(Expr, PathsOfPathsAreOnePath) {
  const Expr path = kJ["a"][1]["b c"].path(Json{R"([{"all": true}, {"slice": [1, null, 2]}])"})[-1];
  EXPECT_TRUE(path.args()[0].same_as(kJ));
  EXPECT_EQ(path.args()[1].value().as<Json>().text, R"(["a",1,"b c","*",[1,null,2],-1])");
  EXPECT_EQ(path.text(), "j.a[1].b c[*][1::2][-1]");
  EXPECT_EQ(path.type(), Type(TypeKind::kJson, true));
}

TEST(Expr, SuggestsNames) {
  EXPECT_EQ(kId.suggested_name(), "id");
  EXPECT_EQ(Expr(5).suggested_name(), "literal");
  EXPECT_EQ((kId + 1).suggested_name(), "");
  EXPECT_EQ(kJ["a"]["b"].suggested_name(), "j_a_b");
  EXPECT_EQ(kJ["a"][0]["b"].suggested_name(), "j_a0_b");
  EXPECT_EQ(kJ["a"]["*"].suggested_name(), "j_astar");
  EXPECT_EQ(kJ[0].suggested_name(), "j_0");
  EXPECT_EQ(kS.call_method("upper").suggested_name(), "upper");
  EXPECT_EQ(kF.errortype().suggested_name(), "f_errortype");
  EXPECT_EQ(kImg.call_method("fileurl").suggested_name(), "img_fileurl");
}

TEST(Expr, MethodsBindArguments) {
  const Expr upper = kS.call_method("upper").call_method("replace", {"a", "b"});
  EXPECT_EQ(upper.text(), "s.upper().replace('a', 'b')");
  EXPECT_EQ(upper.type(), Type(TypeKind::kString));
  EXPECT_TRUE(upper.same_as(kS.call_method("upper").call_method("replace", {"a"}, {{"repl", "b"}})));
  EXPECT_EQ(kF.call_method("abs").type(), Type(TypeKind::kFloat, true));
  EXPECT_EQ(error_of([] { return kS.call_method("replace", {"a"}); }).substr(0, 46),
            "replace(): missing a required argument: 'repl'");
  EXPECT_NE(error_of([] {
              return kS.call_method("upper", {}, {{"zz", 1}});
            }).find("unexpected keyword argument 'zz'"),
            std::string::npos);
  EXPECT_EQ(error_of([] { return Expr::call("string.upper", {kId}); }).substr(0, 92),
            "Parameter 'self' (in function 'upper'): argument type Int does not match parameter type Stri");
}

TEST(Expr, AJsonArgumentIsCastUnseen) {
  const Expr upper = Expr::call("string.upper", {kJ["a"]});
  EXPECT_TRUE(upper.args()[0].is_call("op.cast"));
  EXPECT_EQ(upper.type(), Type(TypeKind::kString, true));
  EXPECT_EQ(upper.text(), "j.a.upper()");
}

TEST(Expr, CastsShowTheirType) {
  EXPECT_EQ(kId.astype(TypeKind::kFloat).text(), "id.astype(Float)");
  EXPECT_EQ(kId.astype(TypeKind::kFloat).type(), Type(TypeKind::kFloat));
  EXPECT_EQ(((kId + 1).astype(TypeKind::kFloat) + 1).text(), "(id + 1).astype(Float) + 1");
  EXPECT_THROW((void)kImg.astype(TypeKind::kInt), Error);
}

TEST(Expr, JsonReadsBack) {
  for (const Expr& expr : {kId + 1, (kId > 1) && !kB, kJ["a"][0], kS.call_method("replace", {"a", "ü"}), kF == Value(),
                           kTs > "2020-01-01", kImg.call_method("fileurl"), Expr::call("string.upper", {kJ["a"]})}) {
    const Expr back = Expr::from_json(expr.json());
    EXPECT_TRUE(back.same_as(expr)) << expr.json();
    EXPECT_EQ(back.text(), expr.text());
  }
  EXPECT_THROW((void)Expr::from_json("{}"), Error);
  EXPECT_THROW((void)Expr::from_json("nonsense"), Error);
  const Expr unknown = Expr::from_json(R"({"call": "py:gone.f", "args": [], "type": {"kind": "Int"}, "new": 1})");
  EXPECT_EQ(unknown.text(), "f()");
  EXPECT_EQ(unknown.type(), Type(TypeKind::kInt));
}

TEST(Expr, SameAsComparesWholeTrees) {
  EXPECT_TRUE((kId + 1).same_as(kId + 1));
  EXPECT_FALSE((kId + 1).same_as(kId + 2));
  EXPECT_FALSE((kId + 1).same_as(kF + 1));
  EXPECT_FALSE(Expr(1).same_as(Expr(1.0)));
  EXPECT_FALSE(Expr().same_as(Expr(1)));
}

TEST(Registry, KeepsWhatTheLoaderAnswers) {
  int asked = 0;
  set_function_loader([&asked](std::string_view name) -> std::optional<Function> {
    ++asked;
    if (name != "py:m.known") return std::nullopt;
    return Function{.name = std::string(name),
                    .parameters = {},
                    .return_type = TypeKind::kInt,
                    .doc = {},
                    .example = {},
                    .kernel = {}};
  });
  const Function* known = find_function("py:m.known");
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(find_function("py:m.known"), known);
  EXPECT_EQ(find_function("py:m.unknown"), nullptr);
  EXPECT_EQ(find_function("py:m.unknown"), nullptr);
  EXPECT_EQ(asked, 2);
  replace_function({.name = "py:m.known",
                    .parameters = {},
                    .return_type = TypeKind::kFloat,
                    .doc = {},
                    .example = {},
                    .kernel = {}});
  EXPECT_EQ(known->return_type, Type(TypeKind::kInt));
  EXPECT_EQ(find_function("py:m.known")->return_type, Type(TypeKind::kFloat));
  set_function_loader({});
}

TEST(Registry, RefusesANameTwice) {
  const std::string name = udf("registry_test", {"x"}, [](std::int64_t x) { return x + 1; });
  EXPECT_EQ(name, "cc:registry_test");
  EXPECT_EQ(Expr::call(name, {kId}).text(), "registry_test(id)");
  EXPECT_THROW(udf("registry_test", {"x"}, [](std::int64_t x) { return x; }), Error);
}

TEST(Registry, EveryFunctionIsDescribed) {
  for (const Function* function : list_functions()) {
    if (function->name.find(':') != std::string::npos) continue;
    EXPECT_FALSE(function->doc.empty()) << function->name;
    EXPECT_FALSE(function->example.empty()) << function->name;
    EXPECT_TRUE(function->kernel || function->is_aggregate || find_iterator(function->name)) << function->name;
  }
}

}  // namespace
}  // namespace intarsia
