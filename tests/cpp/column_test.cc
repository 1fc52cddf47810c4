// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <gtest/gtest.h>

#include "intarsia/batch.h"
#include "intarsia/error.h"
#include "media/download.h"
#include "media/load.h"
#include "type/column_data.h"

namespace intarsia {
namespace {

Column column_of(const Type& type, const std::vector<Value>& values) {
  ColumnBuilder builder(type);
  for (const Value& value : values) builder.append(value);
  return builder.finish();
}

std::vector<std::string> texts(const Column& column) {
  std::vector<std::string> cells;
  for (std::int64_t row = 0; row < column.length(); ++row) cells.push_back(column.value_at(row).text());
  return cells;
}

const Uuid kUuid = Uuid::parse("00112233445566778899aabbccddeeff");
const Array kArray{DType::kInt16, {2}, std::string("\1\0\2\0", 4)};

/// Three values of each kind that is stored in a batch itself.
std::vector<std::pair<Type, std::vector<Value>>> samples() {
  return {{Type(TypeKind::kInt, true), {1, Value(), -3}},
          {Type(TypeKind::kFloat, true), {1.5, Value(), 2}},
          {Type(TypeKind::kString, true), {"a", Value(), ""}},
          {Type(TypeKind::kBool, true), {true, Value(), false}},
          {Type(TypeKind::kTimestamp, true), {Timestamp{5}, Value(), Timestamp{-6}}},
          {Type(TypeKind::kDate, true), {Date{5}, Value(), Date{-6}}},
          {Type(TypeKind::kUuid, true), {kUuid, Value(), Uuid{}}},
          {Type(TypeKind::kJson, true), {Json{"[1]"}, Value(), Json{"{}"}}},
          {Type(TypeKind::kBinary, true), {Binary{"x"}, Value(), Binary{std::string(1, '\0')}}},
          {Type::array(DType::kInt16, {2}, true), {kArray, Value(), kArray}},
          {Type(TypeKind::kVideo, true), {MediaUrl{"a.mp4"}, Value(), MediaUrl{"b.mp4"}}}};
}

TEST(Column, GivesBackWhatTheBuilderGot) {
  for (const auto& [type, values] : samples()) {
    const Column column = column_of(type, values);
    ASSERT_EQ(column.length(), 3);
    EXPECT_EQ(column.type(), type);
    EXPECT_TRUE(column.is_null(1)) << type.text();
    EXPECT_FALSE(column.is_null(2));
    EXPECT_EQ(column.value_at(0).text(), values[0].text());
    const Value last = type.kind() == TypeKind::kFloat ? Value(2.0) : values[2];
    EXPECT_EQ(column.value_at(2).text(), last.text());
    EXPECT_TRUE(column.data()->array->ValidateFull().ok()) << type.text();
  }
}

TEST(Column, SliceTakeAndConcatAgree) {
  for (const auto& [type, values] : samples()) {
    const Column column = column_of(type, values);
    const std::int64_t rows[] = {2, 0, 1, 1};
    const auto all = texts(column);
    EXPECT_EQ(texts(column.take(rows)), (std::vector<std::string>{all[2], all[0], all[1], all[1]})) << type.text();
    EXPECT_EQ(texts(column.slice(1, 2)), (std::vector<std::string>{all[1], all[2]}));
    EXPECT_EQ(texts(column.slice(1, 2).slice(1, 1)), (std::vector<std::string>{all[2]}));
    const Column parts[] = {column.slice(2, 1), column, column.slice(0, 0), Column::constant(type, values[0], 2)};
    EXPECT_EQ(texts(Column::concat(parts)), (std::vector<std::string>{all[2], all[0], all[1], all[2], all[0], all[0]}));
  }
}

TEST(Column, ConstantHoldsOneCellForAllRows) {
  const Column five = Column::constant(TypeKind::kInt, 5, 1000);
  EXPECT_TRUE(five.is_constant());
  EXPECT_EQ(five.int_at(999), 5);
  EXPECT_DOUBLE_EQ(five.float_at(3), 5.0);
  EXPECT_EQ(five.slice(500, 10).length(), 10);
  EXPECT_EQ(five.slice(500, 10).int_at(9), 5);
  EXPECT_LE(five.byte_size(), 16);
  EXPECT_TRUE(Column::constant(Type(TypeKind::kString, true), Value(), 3).is_null(2));
}

TEST(Column, ErrorsGoWithTheirRows) {
  ColumnBuilder builder(Type(TypeKind::kInt, true));
  for (int i = 0; i < 10; ++i) {
    if (i % 3 == 0)
      builder.append_error({"ValueError", std::to_string(i), {}});
    else
      builder.append_int(i);
  }
  const Column column = builder.finish();
  EXPECT_TRUE(column.has_errors());
  EXPECT_TRUE(column.is_null(3));
  ASSERT_NE(column.error_at(3), nullptr);
  EXPECT_EQ(column.error_at(3)->message, "3");
  EXPECT_EQ(column.error_at(4), nullptr);
  EXPECT_FALSE(column.slice(1, 2).has_errors());
  EXPECT_EQ(column.slice(5, 4).error_at(1)->message, "6");
  const std::int64_t rows[] = {9, 1, 0};
  EXPECT_EQ(column.take(rows).error_at(0)->message, "9");
  EXPECT_EQ(column.take(rows).error_at(2)->message, "0");
  const Column parts[] = {column.slice(4, 3), column.slice(8, 2)};
  EXPECT_EQ(Column::concat(parts).error_at(2)->message, "6");
  EXPECT_EQ(Column::concat(parts).error_at(4)->message, "9");
}

TEST(Column, MediaCellsAreShared) {
  Image image(PixelMode::kL, 4, 2);
  image.mutable_row(1)[3] = 200;
  ColumnBuilder builder(Type(TypeKind::kImage, true));
  builder.append_text("/nowhere.png");
  builder.append_image(image);
  builder.append_null();
  builder.append_media_bytes(encode_image(image, "png"));
  const Column column = builder.finish();
  EXPECT_FALSE(column.holds_media(0));
  EXPECT_TRUE(column.holds_media(1));
  EXPECT_FALSE(column.holds_media(2));
  EXPECT_EQ(column.text_at(1), "");
  EXPECT_EQ(column.image_at(1).data(), image.data());
  EXPECT_EQ(column.image_at(3).row(1)[3], 200);
  EXPECT_EQ(column.image_at(3).data(), column.image_at(3).data());
  EXPECT_EQ(decode_image(column.media_bytes_at(1)).row(1)[3], 200);
  EXPECT_THROW((void)column.image_at(0), Error);
  const std::int64_t rows[] = {3, 1};
  EXPECT_EQ(column.take(rows).image_at(1).data(), image.data());
  EXPECT_GE(column.byte_size(), 8);
}

TEST(Column, MediaIsReadFromPathsAndFileUrls) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "intarsia media";
  set_file_cache(folder / "cache");
  const auto path = folder / "a b.png";
  write_file(path, encode_image(Image(PixelMode::kRGB, 3, 2), "png"));
  std::string url = "file://" + path.string();
  for (std::size_t at; (at = url.find(' ')) != std::string::npos;) url.replace(at, 1, "%20");
  const Column column = column_of(TypeKind::kImage, {MediaUrl{path.string()}, MediaUrl{url}});
  EXPECT_EQ(column.image_at(0).width(), 3);
  EXPECT_EQ(column.image_at(1).width(), 3);
  EXPECT_EQ(column.media_path_at(1), path.string());
  const Column ftp = column_of(TypeKind::kImage, {MediaUrl{"ftp://host/x.png"}});
  EXPECT_THROW((void)ftp.image_at(0), Error);
  std::filesystem::remove_all(folder);
}

TEST(ColumnBuilder, RefusesValuesOfOtherKinds) {
  EXPECT_THROW(column_of(TypeKind::kInt, {1.5}), Error);
  EXPECT_THROW(column_of(TypeKind::kInt, {true}), Error);
  EXPECT_THROW(column_of(TypeKind::kString, {5}), Error);
  EXPECT_THROW(column_of(TypeKind::kFloat, {"x"}), Error);
  EXPECT_THROW(column_of(TypeKind::kVideo, {Image(PixelMode::kL, 1, 1)}), Error);
}

TEST(ColumnBuilder, IsEmptyAfterFinishAndGrows) {
  ColumnBuilder builder(Type(TypeKind::kString, true));
  EXPECT_EQ(builder.finish().length(), 0);
  for (int i = 0; i < 100'000; ++i) {
    if (i % 1000 == 999)
      builder.append_null();
    else
      builder.append_text(std::to_string(i));
  }
  const Column column = builder.finish();
  EXPECT_EQ(column.text_at(77'777), "77777");
  EXPECT_TRUE(column.is_null(99'999));
  EXPECT_EQ(column.data()->array->null_count(), 100);
  EXPECT_EQ(builder.length(), 0);
  builder.append_text("again");
  EXPECT_EQ(builder.finish().text_at(0), "again");
}

TEST(Batch, ArrowReadsBackWhatItGot) {
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (const auto& [type, values] : samples()) {
    names.push_back(type.text());
    columns.push_back(column_of(type, values).slice(1, 2));
  }
  const Batch batch(names, columns);
  ArrowArray array;
  ArrowSchema schema;
  batch.export_to(&array, &schema);
  const Batch back = Batch::import_from(&array, &schema);
  ASSERT_EQ(back.num_columns(), batch.num_columns());
  EXPECT_EQ(back.num_rows(), 2);
  for (int i = 0; i < back.num_columns(); ++i) {
    const Type& type = batch.column(i).type();
    EXPECT_EQ(back.names()[static_cast<std::size_t>(i)], type.text());
    const bool as_text = type.kind() == TypeKind::kJson || type.kind() == TypeKind::kVideo;
    EXPECT_EQ(back.column(i).type(), as_text ? Type(TypeKind::kString, true) : type);
    EXPECT_EQ(back.column(i).is_null(0), true);
    const Value sent = batch.column(i).value_at(1);
    EXPECT_EQ(back.column(i).value_at(1).text(), type.kind() == TypeKind::kJson ? Value("{}").text() : sent.text());
  }
}

/// `array` as Batch::import_from gives it back.
Column imported(const std::shared_ptr<arrow::Array>& array) {
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("c", array->type())}), array->length(), {array});
  ArrowArray out;
  ArrowSchema schema;
  EXPECT_TRUE(arrow::ExportRecordBatch(*batch, &out, &schema).ok());
  return Batch::import_from(&out, &schema).column(0);
}

template <typename Builder, typename... Values>
std::shared_ptr<arrow::Array> arrow_of(Builder&& builder, const Values&... values) {
  EXPECT_TRUE((builder.Append(values).ok() && ...));
  EXPECT_TRUE(builder.AppendNull().ok());
  return builder.Finish().ValueOrDie();
}

TEST(Batch, ImportMapsArrowsTypesToTheNearest) {
  auto* pool = arrow::default_memory_pool();
  EXPECT_EQ(texts(imported(arrow_of(arrow::Int8Builder(), 1, -2))), (std::vector<std::string>{"1", "-2", "None"}));
  EXPECT_EQ(texts(imported(arrow_of(arrow::UInt64Builder(), 7))), (std::vector<std::string>{"7", "None"}));
  EXPECT_EQ(imported(arrow_of(arrow::FloatBuilder(), 0.5F)).type(), Type(TypeKind::kFloat, true));
  EXPECT_EQ(texts(imported(arrow_of(arrow::LargeStringBuilder(), "x"))), (std::vector<std::string>{"'x'", "None"}));
  EXPECT_EQ(texts(imported(arrow_of(arrow::StringViewBuilder(), "a view longer than twelve"))),
            (std::vector<std::string>{"'a view longer than twelve'", "None"}));
  EXPECT_EQ(texts(imported(arrow_of(arrow::StringDictionaryBuilder(pool), "b", "a", "b"))),
            (std::vector<std::string>{"'b'", "'a'", "'b'", "None"}));
  const auto seconds = arrow::timestamp(arrow::TimeUnit::SECOND);
  EXPECT_EQ(imported(arrow_of(arrow::TimestampBuilder(seconds, pool), 3)).timestamp_at(0).microseconds, 3'000'000);
  const auto nanos = arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Rome");
  EXPECT_EQ(imported(arrow_of(arrow::TimestampBuilder(nanos, pool), 3999)).timestamp_at(0).microseconds, 3);
  EXPECT_EQ(imported(arrow_of(arrow::Date64Builder(), 86'400'000)).date_at(0).days, 1);
  EXPECT_EQ(imported(arrow_of(arrow::Decimal128Builder(arrow::decimal128(5, 2)), arrow::Decimal128(150))).float_at(0),
            1.5);
  EXPECT_EQ(imported(arrow_of(arrow::LargeBinaryBuilder(), "by")).type().kind(), TypeKind::kBinary);
  EXPECT_EQ(imported(std::make_shared<arrow::NullArray>(4)).type(), Type(TypeKind::kJson, true));
}

TEST(Batch, ImportMakesJsonOfNestedValues) {
  auto* pool = arrow::default_memory_pool();
  auto numbers = std::make_shared<arrow::Int64Builder>();
  arrow::ListBuilder lists(pool, numbers);
  ASSERT_TRUE(lists.Append().ok() && numbers->Append(1).ok() && numbers->AppendNull().ok() && lists.AppendNull().ok());
  const Column column = imported(lists.Finish().ValueOrDie());
  EXPECT_EQ(column.type(), Type(TypeKind::kJson, true));
  EXPECT_EQ(column.text_at(0), "[1, null]");
  EXPECT_TRUE(column.is_null(1));
}

TEST(Batch, ImportTakesFixedSizeListsAsArrays) {
  auto* pool = arrow::default_memory_pool();
  auto numbers = std::make_shared<arrow::FloatBuilder>();
  arrow::FixedSizeListBuilder lists(pool, numbers, 2);
  ASSERT_TRUE(lists.Append().ok() && numbers->Append(1).ok() && numbers->Append(2).ok() && lists.AppendNull().ok());
  ASSERT_TRUE(lists.Append().ok() && numbers->Append(3).ok() && numbers->Append(4).ok());
  const Column column = imported(lists.Finish().ValueOrDie()->Slice(1));
  EXPECT_EQ(column.type(), Type::array(DType::kFloat32, {2}, true));
  EXPECT_TRUE(column.is_null(0));
  const Array array = column.array_at(1);
  EXPECT_EQ(reinterpret_cast<const float*>(array.data.data())[1], 4.0F);
}

TEST(Batch, ImportRefusesIntegersThatDoNotFit) {
  EXPECT_THROW(imported(arrow_of(arrow::UInt64Builder(), ~std::uint64_t{0})), Error);
}

TEST(Batch, FindsColumnsByName) {
  const Batch batch({"a", "b"}, {column_of(TypeKind::kInt, {1, 2}), column_of(TypeKind::kInt, {3, 4})});
  EXPECT_EQ(batch.index_of("b"), 1);
  EXPECT_EQ(batch.index_of("c"), -1);
  const std::int64_t rows[] = {1};
  EXPECT_EQ(batch.take(rows).column(1).int_at(0), 4);
  EXPECT_EQ(batch.slice(1, 1).column(0).int_at(0), 2);
  EXPECT_EQ(batch.byte_size(), 32);
}

}  // namespace
}  // namespace intarsia
