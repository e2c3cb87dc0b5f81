# `make run` and `make test` do all of their own set-up; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# Models are installed inside the checkout unless told otherwise.
export VASA_MODELS_DIR ?= $(CURDIR)/.cache/models
export PREFIX SYSCONFDIR DESTDIR

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 — /p' $(MAKEFILE_LIST)

run: setup build ## build everything, start the camera and have the avatar say a sentence
	@scripts/run.sh

test: setup-test build ## run every test
	@scripts/test.sh

setup: ## install the system packages that are missing
	@scripts/setup.sh scripts/packages.txt

setup-test:
	@scripts/setup.sh scripts/packages.txt tests/kit/packages.txt

build: ## build the release program and install its models
	@cargo build --release --locked
	@target/release/vasa models install

install: ## put the built program below PREFIX (/usr/local), for every user; as root
	@scripts/install.sh install

install-user: ## put it into this user's home alone
	@FOR_USER=yes scripts/install.sh install

uninstall: ## take away what `make install` put; `make uninstall-user` what the other did
	@scripts/install.sh uninstall

uninstall-user:
	@FOR_USER=yes scripts/install.sh uninstall

deb: setup ## make the Debian package, in target/debian
	@cargo build --release --locked
	@scripts/deb.sh

bench: setup build ## measure the renderer and the motion network
	@cargo bench --locked

measure: setup-test build ## record ten minutes of a call: do sound and picture drift apart?
	@cargo test --release --locked --test microphone -- --ignored --nocapture ten_minutes

figures: setup-test build ## measure start, first frame and rest of the camera
	@cargo test --release --locked --test endurance -- --ignored --nocapture figures

marks: build ## attack the invisible mark as calls, screens and people do, and print what is left of it
	@cargo bench --locked --bench marks -- attacks

marks-false: build ## look for marks in pictures that have none, and plot the scores
	@cargo bench --locked --bench marks -- false

sheet: build ## draw the contact sheet of docs/ again
	@scripts/sheet.sh

clips: build ## film every built-in person talking for some ten seconds, into target/clips
	@scripts/clips.sh

emotions: build ## draw the emotions and gestures of docs/ again
	@scripts/emotions.sh

motion-plots: build ## draw the plots of docs/motion.md again and print its figures
	@python3 -m venv target/plots
	@target/plots/bin/pip -q --disable-pip-version-check install -r scripts/motion-plots.txt
	@target/plots/bin/python scripts/motion-plots.py

clean: ## remove what was built and installed inside the checkout
	@rm -rf target .cache

.PHONY: help run test setup setup-test build install install-user uninstall uninstall-user deb bench measure figures marks marks-false sheet clips emotions motion-plots clean
