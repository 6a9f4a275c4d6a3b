#!/usr/bin/env node
import "../dist/observe/cli.js";
