// SPDX-License-Identifier: Apache-2.0
#include "intarsia/type.h"

#include <gtest/gtest.h>

#include <cmath>

#include "intarsia/error.h"
#include "intarsia/value.h"
#include "type/array_bytes.h"
#include "type/json_text.h"
#include "type/url_kind.h"

namespace intarsia {
namespace {

const Type kEvery[] = {
    TypeKind::kInt,
    {TypeKind::kFloat, true},
    TypeKind::kUuid,
    Type::array(DType::kFloat32, {3}),
    Type::array(DType::kUInt8, {kAnyLength, 3}, true),
    Type::array(std::nullopt, {}),
    Type::image(96, 96, PixelMode::kRGB),
    Type::image(0, 0, PixelMode::kL, true),
    Type::image(0, 10, std::nullopt),
};

TEST(Type, TextIsWhatAUserWrites) {
  const std::vector<std::string> expected = {"Int",
                                             "Float | None",
                                             "UUID",
                                             "Array[(3,), float32]",
                                             "Array[(None, 3), uint8] | None",
                                             "Array",
                                             "Image[(96, 96), 'RGB']",
                                             "Image['L'] | None",
                                             "Image[(None, 10)]"};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(kEvery[i].text(), expected[i]);
}

TEST(Type, JsonReadsBack) {
  for (const Type& type : kEvery) EXPECT_EQ(Type::from_json(type.json()), type) << type.json();
  EXPECT_EQ(Type::from_json(R"({"kind": "Int", "of_the_future": 1})"), Type(TypeKind::kInt));
  EXPECT_THROW((void)Type::from_json("{}"), Error);
  EXPECT_THROW((void)Type::from_json(R"({"kind": "Complex"})"), Error);
}

TEST(Type, AcceptsWhatIsNarrower) {
  EXPECT_TRUE(Type(TypeKind::kInt, true).accepts(TypeKind::kInt));
  EXPECT_FALSE(Type(TypeKind::kInt).accepts(Type(TypeKind::kInt, true)));
  EXPECT_FALSE(Type(TypeKind::kFloat).accepts(TypeKind::kInt));
  EXPECT_TRUE(Type(TypeKind::kImage).accepts(Type::image(5, 5, PixelMode::kL)));
  EXPECT_FALSE(Type::image(5, 5, PixelMode::kL).accepts(TypeKind::kImage));
  EXPECT_TRUE(Type::array(DType::kInt8, {kAnyLength, 2}).accepts(Type::array(DType::kInt8, {7, 2})));
  EXPECT_FALSE(Type::array(DType::kInt8, {7, 2}).accepts(Type::array(DType::kInt8, {kAnyLength, 2})));
  EXPECT_FALSE(Type::array(DType::kInt8, {7}).accepts(Type::array(DType::kInt16, {7})));
}

TEST(Value, TextIsPythons) {
  EXPECT_EQ(Value().text(), "None");
  EXPECT_EQ(Value(true).text(), "True");
  EXPECT_EQ(Value(1.0).text(), "1.0");
  EXPECT_EQ(Value(1e16).text(), "1e+16");
  EXPECT_EQ(Value(-0.1).text(), "-0.1");
  EXPECT_EQ(Value("it's").text(), "\"it's\"");
  EXPECT_EQ(Value("a\nb\\").text(), "'a\\nb\\\\'");
  EXPECT_EQ(Value(Json{R"({"b": [1, true, null], "a": "x"})"}).text(), "{'b': [1, True, None], 'a': 'x'}");
  EXPECT_EQ(Value(Timestamp{1'577'836'800'500'000}).text(), "'2020-01-01T00:00:00.500000+00:00'");
  EXPECT_EQ(Value(Date{-1}).text(), "'1969-12-31'");
}

TEST(Value, JsonReadsBack) {
  const Array array{DType::kInt16, {2, 1}, std::string("\1\0\2\0", 4)};
  for (const Value& value :
       {Value(), Value(false), Value(-5), Value(0.1), Value("ü"), Value(Timestamp{-7}), Value(Date{3}),
        Value(Uuid::parse("00112233-4455-6677-8899-aabbccddeeff")), Value(Json{"[1]"}),
        Value(Binary{std::string("\0\xff", 2)}), Value(array), Value(MediaUrl{"a.mp4"})})
    EXPECT_EQ(Value::from_json(value.json()).text(), value.text()) << value.json();
  EXPECT_EQ(Value::from_json(Value(array).json()).as<Array>(), array);
  EXPECT_TRUE(std::isnan(Value::from_json(Value(std::nan("")).json()).as<double>()));
  EXPECT_THROW((void)Value(Image(PixelMode::kL, 1, 1)).json(), Error);
}

TEST(Value, EqualMeansKindAndContent) {
  const Image image(PixelMode::kL, 1, 1);
  EXPECT_EQ(Value(5), Value(5));
  EXPECT_NE(Value(5), Value(5.0));
  EXPECT_NE(Value("[]"), Value(Json{"[]"}));
  EXPECT_EQ(Value(image), Value(image));
  EXPECT_NE(Value(image), Value(Image(PixelMode::kL, 1, 1)));
}

TEST(Value, AsNamesBothTypes) {
  try {
    (void)Value("x").as<std::int64_t>();
    FAIL();
  } catch (const Error& failure) {
    EXPECT_STREQ(failure.what(), "expected a value of type Int, got String");
  }
}

TEST(Uuid, TextReadsBack) {
  const Uuid uuid = Uuid::random();
  EXPECT_EQ(Uuid::parse(uuid.text()), uuid);
  EXPECT_EQ(uuid.text()[14], '4');
  EXPECT_NE(uuid, Uuid::random());
  EXPECT_THROW((void)Uuid::parse("0011"), Error);
  EXPECT_THROW((void)Uuid::parse("g0112233445566778899aabbccddeeff"), Error);
}

TEST(Time, IsoTextReadsBack) {
  for (const std::int64_t us : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'700'000'000'123'456}})
    EXPECT_EQ(parse_iso_timestamp(iso_text(Timestamp{us})).microseconds, us);
  EXPECT_EQ(parse_iso_timestamp("2020-01-01").microseconds, 1'577'836'800'000'000);
  EXPECT_EQ(parse_iso_timestamp("2020-01-01 01:00+01:00").microseconds, 1'577'836'800'000'000);
  EXPECT_EQ(parse_iso_timestamp("2020-01-01T00:00:00Z").microseconds, 1'577'836'800'000'000);
  for (const char* wrong : {"", "2020", "2020-02-30", "2020-01-01T", "2020-01-01x", "2020-01-01T00:00:00+1"})
    EXPECT_THROW((void)parse_iso_timestamp(wrong), Error) << wrong;
}

TEST(ArrayBytes, ReadBackAndRefuseDamage) {
  const std::int64_t shape[] = {2, 3};
  const float data[] = {1, 2, 3, 4, 5, 6};
  const std::string bytes = array_to_bytes(DType::kFloat32, shape, data);
  const ArrayView view = array_from_bytes(bytes);
  EXPECT_EQ(view.dtype, DType::kFloat32);
  EXPECT_EQ(view.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(view.data, std::string_view(reinterpret_cast<const char*>(data), sizeof(data)));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW((void)array_from_bytes(std::string_view(bytes).substr(0, length)), Error);
}

TEST(UrlKind, FollowsTheExtension) {
  EXPECT_EQ(kind_of_url("https://x/y.MP4?z=1"), TypeKind::kVideo);
  EXPECT_EQ(kind_of_url("/a/b.jpg"), TypeKind::kImage);
  EXPECT_EQ(kind_of_url("doc.pdf"), TypeKind::kDocument);
  EXPECT_EQ(kind_of_url("/a.mp4/b"), TypeKind::kImage);
}

}  // namespace
}  // namespace intarsia
