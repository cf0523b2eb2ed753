// Every documented error of the interface, and that nothing is written when one is thrown.
#include "reference/attention.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(1);

class Errors : public ::testing::Test {
 protected:
  static Case small() {
    Case c;
    c.batch = 1;
    c.heads = 2;
    c.query_tokens = 10;
    c.key_tokens = 20;
    c.dim = 4;
    c.value_dim = 3;
    c.options = {.block_size = 3, .levels = 2, .top_k = {2}};
    return c;
  }

  Case parameters = small();
  Problem<float> problem{parameters};
  reference::ReferenceAttention<float> attention{threads};
  StridedTensor<float> output{parameters.output_shape(), Layout::contiguous},
      lse{parameters.lse_shape(), Layout::contiguous};
  AttentionInputs<float> inputs = problem.inputs();
  AttentionOutputs<float> outputs{output.view(), lse.view()};

  void forward_fails(const std::string& message, const Selection* given = nullptr) {
    expect_error(message, [&] { attention.forward(inputs, parameters.options, outputs, given); });
    EXPECT_TRUE(output.is_untouched() && lse.is_untouched()) << "something was written before: " << message;
  }
};

TEST_F(Errors, options_out_of_range_fail_before_anything_is_written) {
  parameters.options.block_size = 1;
  forward_fails("block_size is 1; it must be at least 2");
  parameters.options = {.levels = 2, .top_k = {1, 2, 3}};
  forward_fails("top_k has 3 numbers for 2 levels; give one number, or one for each level with level 1 first");
}

TEST_F(Errors, inputs_that_do_not_belong_together_fail_before_anything_is_written) {
  inputs.key.shape.dim = 3;
  forward_fails("key has shape [1, 2, 20, 3] and query [1, 2, 10, 4]; batch and dim must be equal");
  inputs = problem.inputs();
  inputs.key.data = nullptr;
  forward_fails("key is missing; it must be [1, 2, 20, 4]");
}

TEST_F(Errors, outputs_of_other_shapes_fail_before_anything_is_written) {
  outputs.output.shape.dim = 4;
  forward_fails("output has shape [1, 2, 10, 4]; it must be [1, 2, 10, 3]");
  outputs = {output.view(), lse.view()};
  outputs.lse.shape.tokens = 9;
  forward_fails("lse has shape [1, 2, 9, 1]; it must be [1, 2, 10, 1]");
  outputs = {output.view(), {}};
  forward_fails("lse is missing; it must be [1, 2, 10, 1]");
  outputs = {{}, lse.view()};
  forward_fails("output is missing; it must be [1, 2, 10, 3]");
}

TEST_F(Errors, a_given_selection_of_another_problem_fails_before_anything_is_written) {
  const Selection none;
  forward_fails("selection has 0 levels; the options ask for 2", &none);
  const Selection empty(2, problem.options);
  forward_fails(
      "selection of level 2, head 0, query token 0: the list is empty; at least one key token must be selected",
      &empty);
}

class BackwardErrors : public Errors {
 protected:
  void SetUp() override {
    run = run_both(attention, problem);
    outputs_given = run.outputs();
  }

  void backward_fails(const std::string& message) {
    StridedTensor<float> query(parameters.query_shape(), Layout::contiguous),
        key(parameters.key_shape(), Layout::contiguous), value(parameters.value_shape(), Layout::contiguous);
    AttentionGradients<float> fresh{query.view(), key.view(), value.view()};
    fresh.query.shape = gradients.query.shape;
    fresh.key.shape = gradients.key.shape;
    fresh.value.shape = gradients.value.shape;
    if (!gradients.key.data) fresh.key.data = nullptr;
    expect_error(message, [&] { attention.backward(inputs, outputs_given, *run.state, output_gradients, fresh); });
    EXPECT_TRUE(query.is_untouched() && key.is_untouched() && value.is_untouched())
        << "something was written before: " << message;
  }

  AttentionRun<float> run;
  AttentionOutputs<float> outputs_given;
  AttentionOutputGradients<float> output_gradients = problem.output_gradients();
  AttentionGradients<float> gradients{{output.view().data, parameters.query_shape()},
                                      {output.view().data, parameters.key_shape()},
                                      {output.view().data, parameters.value_shape()}};
};

TEST_F(BackwardErrors, gradients_of_other_shapes_fail_before_anything_is_written) {
  output_gradients.output.shape.tokens = 11;
  backward_fails("output gradient has shape [1, 2, 11, 3]; it must be [1, 2, 10, 3]");
  output_gradients = problem.output_gradients();
  output_gradients.output.data = nullptr;
  backward_fails("output gradient is missing; it must be [1, 2, 10, 3]");
  output_gradients = problem.output_gradients();
  output_gradients.lse.shape.heads = 1;
  backward_fails("lse gradient has shape [1, 1, 10, 1]; it must be [1, 2, 10, 1]");
  output_gradients = problem.output_gradients();
  gradients.query.shape.dim = 5;
  backward_fails("query gradient has shape [1, 2, 10, 5]; it must be [1, 2, 10, 4]");
  gradients.query.shape.dim = 4;
  gradients.value.shape.tokens = 19;
  backward_fails("value gradient has shape [1, 2, 19, 3]; it must be [1, 2, 20, 3]");
  gradients.value.shape.tokens = 20;
  gradients.key.shape.batch = 2;
  backward_fails("key gradient has shape [2, 2, 20, 4]; it must be [1, 2, 20, 4]");
  gradients.key.shape.batch = 1;
  gradients.key.data = nullptr;
  backward_fails("key gradient is missing; it must be [1, 2, 20, 4]");
}

TEST_F(BackwardErrors, inputs_of_other_shapes_than_forward_had_fail_before_anything_is_written) {
  const std::string had = "; the state belongs to a forward pass where it had ";
  inputs.value.shape.dim = 2;
  backward_fails("value has shape [1, 2, 20, 2]" + had + "[1, 2, 20, 3]");
  inputs = problem.inputs();
  inputs.value.shape.tokens = 21;
  backward_fails("value has shape [1, 2, 21, 3]" + had + "[1, 2, 20, 3]");
  inputs = problem.inputs();
  inputs.key.shape.tokens = inputs.value.shape.tokens = 21;
  backward_fails("key has shape [1, 2, 21, 4]" + had + "[1, 2, 20, 4]");
  inputs = problem.inputs();
  inputs.key.shape.heads = inputs.value.shape.heads = 1;
  backward_fails("key has shape [1, 1, 20, 4]" + had + "[1, 2, 20, 4]");
  inputs = problem.inputs();
  inputs.query.shape.tokens = 9;
  backward_fails("query has shape [1, 2, 9, 4]" + had + "[1, 2, 10, 4]");
  inputs = problem.inputs();
  inputs.value.data = nullptr;
  backward_fails("value is missing; it must be [1, 2, 20, 3]");
}

TEST_F(BackwardErrors, outputs_of_other_shapes_fail_before_anything_is_written) {
  outputs_given.output.shape.tokens = 9;
  backward_fails("output has shape [1, 2, 9, 3]; it must be [1, 2, 10, 3]");
  outputs_given = run.outputs();
  outputs_given.lse.shape.heads = 1;
  backward_fails("lse has shape [1, 1, 10, 1]; it must be [1, 2, 10, 1]");
  outputs_given = run.outputs();
  outputs_given.output.data = nullptr;
  backward_fails("output is missing; it must be [1, 2, 10, 3]");
}

TEST_F(BackwardErrors, a_state_of_other_inputs_or_another_implementation_fails) {
  Case longer = small();
  longer.key_tokens = 25;
  const Problem<float> other(longer);
  run.state = run_forward(attention, other).state;
  backward_fails("key has shape [1, 2, 20, 4]; the state belongs to a forward pass where it had [1, 2, 25, 4]");
  struct ForeignState final : AttentionState {
    using AttentionState::AttentionState;
    const Selection& selection() const override { return lists; }
    Selection lists;
  };
  run.state = std::make_unique<ForeignState>(problem.options, inputs.shapes());
  backward_fails("state was not made by this implementation's forward");
}

}  // namespace
}  // namespace llsa::testing
