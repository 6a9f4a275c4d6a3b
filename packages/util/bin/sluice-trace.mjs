#!/usr/bin/env node
import "../dist/trace/cli.js";
