//! Measures: "5 km", "25°C", "60 mph".

use super::numbers::quantity;
use super::{Context, Reading};

/// As written, of one, of many.
const UNITS: [(&str, &str, &str); 51] = [
    ("km", "kilometer", "kilometers"),
    ("m", "meter", "meters"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("km²", "square kilometer", "square kilometers"),
    ("m²", "square meter", "square meters"),
    ("cm²", "square centimeter", "square centimeters"),
    ("m³", "cubic meter", "cubic meters"),
    ("cm³", "cubic centimeter", "cubic centimeters"),
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("kph", "kilometer per hour", "kilometers per hour"),
    ("m/s", "meter per second", "meters per second"),
    ("mph", "mile per hour", "miles per hour"),
    ("mi", "mile", "miles"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("l", "liter", "liters"),
    ("L", "liter", "liters"),
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("°C", "degree Celsius", "degrees Celsius"),
    ("°F", "degree Fahrenheit", "degrees Fahrenheit"),
    ("kB", "kilobyte", "kilobytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("MB", "megabyte", "megabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"),
    ("Mbit/s", "megabit per second", "megabits per second"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("Gbps", "gigabit per second", "gigabits per second"),
    ("Hz", "hertz", "hertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("MHz", "megahertz", "megahertz"),
    ("GHz", "gigahertz", "gigahertz"),
    ("V", "volt", "volts"),
    ("W", "watt", "watts"),
    ("kW", "kilowatt", "kilowatts"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("mAh", "milliamp hour", "milliamp hours"),
    ("dB", "decibel", "decibels"),
    ("h", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("min", "minute", "minutes"),
    ("s", "second", "seconds"),
    ("ms", "millisecond", "milliseconds"),
];

/// Units whose letters mean more when they stand by themselves or at once after a year's or a bus's number.
const ONLY_APART: [&str; 2] = ["s", "W"];

pub fn measure(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let named = |unit: &str| UNITS.iter().find(|(written, ..)| *written == unit);
    let (number, unit, words) = match context.next().and_then(named).filter(|_| quantity(word).is_some()) {
        Some(unit) => (word, unit, 2),
        None => {
            let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
            let (number, unit) = word.split_at(end);
            (number, named(unit).filter(|(written, ..)| !ONLY_APART.contains(written))?, 1)
        }
    };
    let (_, one, many) = unit;
    let number = quantity(number)?;
    let name = if number == "1" { one } else { many };
    Some(Reading::new(format!("{number} {name}"), words))
}
