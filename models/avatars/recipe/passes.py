"""Cycles renders: the person on a transparent film, the same with closed eyes, and the room."""
import os
import time

import bpy
import cv2
import numpy as np


def settings(width, height, samples, threads, noisy=0.20):
    sc = bpy.context.scene
    sc.render.engine = "CYCLES"
    c = sc.cycles
    c.device, c.samples = "CPU", samples
    c.use_adaptive_sampling, c.adaptive_threshold = True, 0.016
    c.use_denoising, c.denoiser = True, "OPENIMAGEDENOISE"
    c.max_bounces, c.diffuse_bounces, c.glossy_bounces = 6, 2, 2
    c.transmission_bounces, c.transparent_max_bounces = 5, 10
    c.caustics_reflective = c.caustics_refractive = False
    c.blur_glossy, c.sample_clamp_indirect, c.sample_clamp_direct = 0.5, 1.5, 12
    sc.cycles_curves.shape = "RIBBONS"
    sc.cycles_curves.subdivisions = 2
    r = sc.render
    r.resolution_x, r.resolution_y, r.resolution_percentage = width, height, 100
    r.threads_mode, r.threads = "FIXED", threads
    r.film_transparent = True
    r.image_settings.file_format, r.image_settings.color_mode = "PNG", "RGBA"
    r.image_settings.color_depth = "16"
    # the denoiser melts strands: keep some of the undenoised picture
    bpy.context.view_layer.cycles.denoising_store_passes = True
    sc.use_nodes = True
    t = sc.node_tree
    t.nodes.clear()
    layers, mix, out = (t.nodes.new("CompositorNode" + k) for k in ("RLayers", "MixRGB", "Composite"))
    mix.inputs[0].default_value = noisy
    t.links.new(layers.outputs["Image"], mix.inputs[1])
    t.links.new(layers.outputs["Noisy Image"], mix.inputs[2])
    t.links.new(mix.outputs[0], out.inputs[0])


def render(path, border=None):
    """Straight sRGB and alpha, float [h, w, 4] BGRA; `border` = (u0, v0, u1, v1) renders that part only (v down)."""
    r = bpy.context.scene.render
    r.use_border = r.use_crop_to_border = border is not None
    if border is not None:
        r.border_min_x, r.border_max_x = border[0], border[2]
        r.border_min_y, r.border_max_y = 1 - border[3], 1 - border[1]
    r.filepath = os.path.abspath(path)
    began = time.time()
    bpy.ops.render.render(write_still=True)
    print(f"rendered {path} in {time.time() - began:.0f} s", flush=True)
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) / 65535


def grade(bgr, saturation):
    """A little halation and saturation."""
    glow = cv2.GaussianBlur(np.clip(bgr - 0.72, 0, 1), (0, 0), bgr.shape[0] * 0.012)
    bgr = 1 - (1 - bgr) * (1 - 0.30 * glow)
    luma = (bgr @ np.array([0.114, 0.587, 0.299], np.float32))[..., None]
    return np.clip(luma + (bgr - luma) * saturation, 0, 1)


def bleed(bgr, alpha, sure=0.97):
    """Carries the colour of the sure pixels outwards under the matte's edge and beyond, so that no seam can show."""
    known = (alpha > sure).astype(np.float32)
    known = np.maximum(known, (alpha > 0.35) * 0.02).astype(np.float32)
    out, weight = bgr * known[..., None], known.copy()
    result = np.where(known[..., None] > 0.9, bgr, 0)
    filled = known > 0.9
    for sigma in (1, 2, 4, 8, 16, 40, 100, 300):
        w = cv2.GaussianBlur(weight, (0, 0), sigma)
        c = cv2.GaussianBlur(out, (0, 0), sigma)
        ok = (w > 1e-3) & ~filled
        result[ok] = (c / np.maximum(w, 1e-9)[..., None])[ok]
        filled |= ok
    result[~filled] = bgr[alpha > sure].mean(0)
    # inside the soft edge the render's own colour counts by its alpha
    own = np.clip((alpha - 0.15) / 0.5, 0, 1)[..., None]
    return bgr * own + result * (1 - own)
