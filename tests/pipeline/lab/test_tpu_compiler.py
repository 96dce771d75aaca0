from pipeline.lab import tpu_compiler


def test_copies_become_reshapes_and_nothing_else_changes():
    text = "%7 = mhlo.copy %6 : tensor<2x3xf32> loc(#loc1)\n%8 = stablehlo.add %7, %7"
    assert tpu_compiler.without_copies(text) == (
        "%7 = stablehlo.reshape %6 : (tensor<2x3xf32>) -> tensor<2x3xf32> loc(#loc1)\n"
        "%8 = stablehlo.add %7, %7"
    )


def test_a_boolean_gets_a_byte_of_its_own():
    text = '%c = stablehlo.constant dense<"0x0103"> : tensor<2x5xi1>'
    assert tpu_compiler.with_a_byte_a_boolean(text) == (
        '%c = stablehlo.constant dense<"0x01000000000000000101"> : tensor<2x5xi1>'
    )
