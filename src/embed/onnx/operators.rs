//! The operators that `models/convert.py` puts into a graph, bound to their kernels in `rows`. Knows no text.
//!
//! A graph that has them holds their definitions by standard operators as well, and ONNX Runtime takes a kernel before a
//! definition: without this file the same graph runs, more slowly. Graphs from elsewhere do not have them.

use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput};
use ort::value::{PrimitiveTensorElementType, TensorElementType, ValueRef, ValueRefMut};

use super::rows::{self, Codes, Norm, Product};

/// The domain of the operators in a graph.
const DOMAIN: &str = "nba";

/// All operators, for a session.
pub(super) fn domain() -> ort::Result<OperatorDomain> {
    let mut domain = OperatorDomain::new(DOMAIN)?;
    for step in [Step::Quantize, Step::Split, Step::Gelu, Step::Norm] {
        domain = domain.add(step)?;
    }
    Ok(domain)
}

/// An operator, which is its own kernel: none has a state.
#[derive(Clone, Copy)]
enum Step {
    /// (x) → (codes, row_max)
    Quantize,
    /// (product, row_max, bias) → (first, second, third)
    Split,
    /// (product, row_max, bias) → (codes, row_max)
    Gelu,
    /// (product, row_max, bias, residual, scale, shift) → (normed, codes, row_max)
    Norm,
}

impl Operator for Step {
    type Kernel<'attr> = Self;

    fn name(&self) -> &str {
        match self {
            Self::Quantize => "QuantizeRows",
            Self::Split => "SplitRows",
            Self::Gelu => "GeluRows",
            Self::Norm => "NormRows",
        }
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let n_inputs = match self {
            Self::Quantize => 1,
            Self::Split | Self::Gelu => 3,
            Self::Norm => 6,
        };
        (0..n_inputs).map(|_| OperatorInput::required(TensorElementType::Float32))
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        const NUMBERS: TensorElementType = TensorElementType::Float32;
        const CODES: TensorElementType = TensorElementType::Uint8;
        let types: &[TensorElementType] = match self {
            Self::Quantize | Self::Gelu => &[CODES, NUMBERS],
            Self::Split => &[NUMBERS; 3],
            Self::Norm => &[NUMBERS, CODES, NUMBERS],
        };
        types.iter().map(|&of| OperatorOutput::required(of))
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self> {
        Ok(*self)
    }
}

impl Kernel for Step {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let first = input(context, 0)?;
        let (shape, numbers) = first.try_extract_tensor::<f32>()?;
        let shape = shape.to_vec();
        let width = shape.last().map_or(0, |&width| width as usize);
        if width == 0 {
            return Err(ort::Error::new("a tensor without columns"));
        }
        if matches!(self, Self::Quantize) {
            let (mut codes, mut row_max) = (output(context, 0, &shape)?, output(context, 1, &of_rows(&shape))?);
            let out = Codes { codes: written(&mut codes)?, row_max: written(&mut row_max)? };
            rows::quantize(numbers, width, out);
            return Ok(());
        }
        let (row_max, bias) = (input(context, 1)?, input(context, 2)?);
        let (row_max, bias) = (read(&row_max, numbers.len() / width)?, read(&bias, width)?);
        let product = Product { sums: numbers, row_max, bias };
        match self {
            Self::Quantize => {}
            Self::Split => {
                if width % 3 != 0 {
                    return Err(ort::Error::new("three parts of rows that cannot be cut into three"));
                }
                let third = of_width(&shape, width / 3);
                let mut parts = [output(context, 0, &third)?, output(context, 1, &third)?, output(context, 2, &third)?];
                let [first, second, last] = &mut parts;
                rows::split(product, [written(first)?, written(second)?, written(last)?]);
            }
            Self::Gelu => {
                let (mut codes, mut row_max) = (output(context, 0, &shape)?, output(context, 1, &of_rows(&shape))?);
                rows::gelu(product, Codes { codes: written(&mut codes)?, row_max: written(&mut row_max)? });
            }
            Self::Norm => {
                let (residual, scale, shift) = (input(context, 3)?, input(context, 4)?, input(context, 5)?);
                let residual = read(&residual, numbers.len())?;
                let norm = Norm { scale: read(&scale, width)?, shift: read(&shift, width)? };
                let mut normed = output(context, 0, &shape)?;
                let (mut codes, mut row_max) = (output(context, 1, &shape)?, output(context, 2, &of_rows(&shape))?);
                let out = Codes { codes: written(&mut codes)?, row_max: written(&mut row_max)? };
                rows::norm(product, residual, norm, written(&mut normed)?, out);
            }
        }
        Ok(())
    }
}

/// The same rows with another number of columns.
fn of_width(shape: &[i64], width: usize) -> Vec<i64> {
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = width as i64;
    }
    shape
}

/// One number a row.
fn of_rows(shape: &[i64]) -> Vec<i64> {
    of_width(shape, 1)
}

fn input(context: &ComputeContext, at: usize) -> ort::Result<ValueRef<'_>> {
    context.input(at)?.ok_or_else(|| ort::Error::new(format!("input {at} is missing")))
}

fn output<'a>(context: &'a ComputeContext, at: usize, shape: &[i64]) -> ort::Result<ValueRefMut<'a>> {
    context.output(at, shape.to_vec())?.ok_or_else(|| ort::Error::new(format!("output {at} is missing")))
}

/// The numbers of an input, which must be so many.
fn read<'a>(value: &'a ValueRef<'_>, expected: usize) -> ort::Result<&'a [f32]> {
    let (_, numbers) = value.try_extract_tensor::<f32>()?;
    if numbers.len() == expected {
        Ok(numbers)
    } else {
        Err(ort::Error::new(format!("an input of {} numbers; expected {expected}", numbers.len())))
    }
}

fn written<'a, T: PrimitiveTensorElementType>(value: &'a mut ValueRefMut<'_>) -> ort::Result<&'a mut [T]> {
    Ok(value.try_extract_tensor_mut::<T>()?.1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ort::session::Session;
    use ort::value::Tensor;

    use super::super::runtime;
    use super::domain;

    const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models");

    /// The states of some tokens, row by row: three texts of 9, 7 and 4 tokens.
    fn states(with_kernels: bool) -> Option<Vec<Vec<f32>>> {
        let environment = match runtime::environment(None, &Path::new(MODELS).join("runtime")) {
            Ok(environment) => environment,
            Err(error) if std::env::var_os("NBA_REQUIRE_MODEL").is_some() => {
                panic!("NBA_REQUIRE_MODEL is set: {error}")
            }
            Err(error) => {
                println!("skipped, no runtime here: {error}");
                return None;
            }
        };
        let mut builder = Session::builder(&environment).unwrap();
        if with_kernels {
            builder = builder.with_operators(domain().unwrap()).unwrap();
        }
        let graph = Path::new(MODELS).join("portuguese-multilingual-e5-small/model.onnx");
        let mut session = builder.commit_from_file(graph).unwrap();
        let lengths = [9, 7, 4];
        let ids: Vec<i64> = (0..27).map(|at| 5 + at * 677 % 19_000).collect();
        let mask: Vec<i64> = lengths.iter().flat_map(|&length| (0..9).map(move |at| i64::from(at < length))).collect();
        let shape = [3_usize, 9];
        let ids = Tensor::from_array((shape, ids)).unwrap();
        let mask = Tensor::from_array((shape, mask)).unwrap();
        let outputs = session.run(ort::inputs!["input_ids" => ids, "attention_mask" => mask]).unwrap();
        let (_, states) = outputs[0].try_extract_tensor::<f32>().unwrap();
        let rows = states.chunks(384).map(<[f32]>::to_vec);
        Some(rows.enumerate().filter(|(row, _)| row % 9 < lengths[row / 9]).map(|(_, row)| row).collect())
    }

    #[test]
    fn kernels_do_what_the_definitions_in_the_graph_say() {
        let (Some(ours), Some(defined)) = (states(true), states(false)) else { return };
        assert_eq!(ours.len(), 20);
        for (ours, defined) in ours.iter().zip(&defined) {
            let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
            let cosine = dot(ours, defined) / (dot(ours, ours) * dot(defined, defined)).sqrt();
            // Sums in another order move some codes by one, and twelve layers make something of that.
            assert!(cosine > 0.995, "{cosine}");
        }
        assert_ne!(ours, defined, "both sessions ran the same code");
    }
}
