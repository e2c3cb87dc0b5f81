//! The operators that MediaPipe adds, by those of ONNX: the face's landmarks say where eyes and mouth are, a closer look at each is
//! cut out of a tensor, and what is found there is carried back. The formulas are those of MediaPipe's
//! `mediapipe/util/tflite/operations` (the second version of each).

use super::convert::Maker;
use super::flex::Map;
use super::model::Operator;
use crate::assets::onnx::Setting;
use anyhow::{Result, ensure};

impl<'m> Maker<'m> {
    /// From landmarks `[1, N, 3]` the matrix `[1, 4, 4]` from places in a crop to places in the whole: the crop holds a subset of them,
    /// enlarged, and is turned so that two of them lie side by side.
    pub fn landmarks_to_matrix(&mut self, operator: &Operator<'m>) -> Result<String> {
        let settings = Map::read(operator.own_options)?;
        let [_, all, _] = self.shape(operator.input(0)?)?;
        let ends = [settings.whole("left_rotation_idx")?, settings.whole("right_rotation_idx")?];
        let subset = settings.wholes("subset_idxs")?;
        let (scale_x, scale_y) = (settings.number("scale_x")?, settings.number("scale_y")?);
        let (width, height) = (settings.number("output_width")?, settings.number("output_height")?);
        ensure!(
            !subset.is_empty() && subset.iter().chain(&ends).all(|i| *i < all) && width >= 1.0 && height >= 1.0,
            "it looks for landmarks that there are not"
        );
        ensure!(settings.number("target_rotation_radians")? == 0.0, "it turns a crop, which is not known here");

        let landmarks = self.value(operator.input(0)?)?;
        let [(x0, y0), (x1, y1)] = ends.map(|i| self.points(&landmarks, &[i]));
        let (dx, dy) = (self.with("Sub", &x1, &x0), self.with("Sub", &y1, &y0));
        let (xx, yy) = (self.with("Mul", &dx, &dx), self.with("Mul", &dy, &dy));
        let square = self.with("Add", &xx, &yy);
        let length = self.graph.add("Sqrt", &[&square], &[]);
        // The angle of the line between the two, by its cosine and sine.
        let (cos, sin) = (self.with("Div", &dx, &length), self.with("Div", &dy, &length));

        let (x, y) = self.points(&landmarks, &subset);
        let (along, across) = (self.sum(&x, &cos, &y, &sin, "Add"), self.sum(&y, &cos, &x, &sin, "Sub"));
        let ((left, right), (top, bottom)) = (self.bounds(&along), self.bounds(&across));
        let half = self.numbers(&[0.5], 3);
        let (u, v) = (self.with("Add", &left, &right), self.with("Add", &top, &bottom));
        let (u, v) = (self.with("Mul", &u, &half), self.with("Mul", &v, &half));
        let (middle_x, middle_y) = (self.sum(&u, &cos, &v, &sin, "Sub"), self.sum(&v, &cos, &u, &sin, "Add"));

        let (wide, high) = (self.with("Sub", &right, &left), self.with("Sub", &bottom, &top));
        let (by_x, by_y) = (self.numbers(&[scale_x / width], 3), self.numbers(&[scale_y / height], 3));
        let (wide, high) = (self.with("Mul", &wide, &by_x), self.with("Mul", &high, &by_y));
        let (xx, yx) = (self.with("Mul", &wide, &cos), self.with("Mul", &wide, &sin));
        let (xy, yy) = (self.with("Mul", &high, &sin), self.with("Mul", &high, &cos));
        let xy = self.graph.add("Neg", &[&xy], &[]);
        // The crop's middle comes to lie on theirs.
        let (half_width, half_height) = (self.numbers(&[width / 2.0], 3), self.numbers(&[height / 2.0], 3));
        let mut shift = |middle: &str, by_width: &str, by_height: &str| {
            let back = self.sum(by_width, &half_width, by_height, &half_height, "Add");
            self.with("Sub", middle, &back)
        };
        let (x, y) = (shift(&middle_x, &xx, &xy), shift(&middle_y, &yx, &yy));
        let (zero, one) = (self.numbers(&[0.0], 3), self.numbers(&[1.0], 3));
        let rows = [&xx, &xy, &zero, &x, &yx, &yy, &zero, &y, &zero, &zero, &one, &zero, &zero, &zero, &zero, &one];
        let rows = rows.map(String::as_str);
        let flat = self.graph.add("Concat", &rows, &[("axis", Setting::Int(2))]);
        let sizes = self.graph.sizes(&[1, 4, 4]);
        Ok(self.graph.add("Reshape", &[&flat, &sizes], &[]))
    }

    /// Cuts a crop out of a tensor `[1, height, width, channels]` as a matrix says, bilinearly.
    pub fn crop(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (input, matrix) = (operator.input(0)?, operator.input(1)?);
        let [_, height, width, _] = self.shape(input)?;
        let [_, rows, columns, _] = self.shape(operator.output()?)?;
        let [_, 4, 4] = self.shape(matrix)? else { anyhow::bail!("it has a matrix that is none of 4 by 4") };
        ensure!(rows * columns <= 1 << 16, "it cuts out a crop of {columns} by {rows} places");
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| [x as f32 + 0.5, y as f32 + 0.5, 0.0, 1.0]));
        let places: Vec<f32> = places.flatten().collect();
        let places = self.numbers(&places, 3);
        let sizes = self.graph.sizes(&[1, rows * columns, 4]);
        let places = self.graph.add("Reshape", &[&places, &sizes], &[]);
        let matrix = self.value(matrix)?;
        let columns_of = self.columns(&matrix, 4);
        let found = self.graph.add("MatMul", &[&places, &columns_of], &[]);
        // From -1 to 1, at the outer edges of the outermost places.
        let (scale, one) = (self.numbers(&[2.0 / width as f32, 2.0 / height as f32], 3), self.numbers(&[1.0], 3));
        let found = self.with("Mul", &found, &scale);
        let found = self.with("Sub", &found, &one);
        let sizes = self.graph.sizes(&[1, rows, columns, 2]);
        let grid = self.graph.add("Reshape", &[&found, &sizes], &[]);
        let x = self.value(input)?;
        Ok(self.graph.add("GridSample", &[&x, &grid], &[]))
    }

    /// Carries landmarks `[1, N, 2]` to where a matrix says.
    pub fn transform_landmarks(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (input, matrix) = (operator.input(0)?, operator.input(1)?);
        let ([_, _, sides], [_, 4, 4]) = (self.shape(input)?, self.shape(matrix)?) else {
            anyhow::bail!("it has a matrix that is none of 4 by 4");
        };
        ensure!(sides == 2, "it has landmarks of {sides} sides, not 2");
        let (x, matrix) = (self.value(input)?, self.value(matrix)?);
        let turning = self.columns(&matrix, 2);
        let x = self.graph.add("MatMul", &[&x, &turning], &[]);
        let whole = self.columns(&matrix, 4);
        let last = self.graph.sizes(&[3]);
        let shift = self.graph.add("Gather", &[&whole, &last], &[("axis", Setting::Int(1))]);
        Ok(self.with("Add", &x, &shift))
    }

    fn with(&mut self, operator: &str, a: &str, b: &str) -> String {
        self.graph.add(operator, &[a, b], &[])
    }

    /// `a * b ± c * d`.
    fn sum(&mut self, a: &str, b: &str, c: &str, d: &str, operator: &str) -> String {
        let (ab, cd) = (self.with("Mul", a, b), self.with("Mul", c, d));
        self.with(operator, &ab, &cd)
    }

    /// The x and y of some landmarks, `[1, N, 1]` each.
    fn points(&mut self, landmarks: &str, which: &[usize]) -> (String, String) {
        let which = self.graph.sizes(which);
        let some = self.graph.add("Gather", &[landmarks, &which], &[("axis", Setting::Int(1))]);
        let mut side = |i: usize| {
            let i = self.graph.sizes(&[i]);
            self.graph.add("Gather", &[&some, &i], &[("axis", Setting::Int(2))])
        };
        (side(0), side(1))
    }

    fn bounds(&mut self, x: &str) -> (String, String) {
        let axis = self.graph.sizes(&[1]);
        (self.graph.add("ReduceMin", &[x, &axis], &[]), self.graph.add("ReduceMax", &[x, &axis], &[]))
    }

    /// What takes a row `[…, N]` through the first two rows of a matrix: its first N columns, turned.
    fn columns(&mut self, matrix: &str, length: usize) -> String {
        let (rows, columns) = (self.graph.sizes(&[0, 1]), self.graph.sizes(&(0..length).collect::<Vec<_>>()));
        let some = self.graph.add("Gather", &[matrix, &rows], &[("axis", Setting::Int(1))]);
        let some = self.graph.add("Gather", &[&some, &columns], &[("axis", Setting::Int(2))]);
        self.turn(&some, &[0, 2, 1])
    }
}
