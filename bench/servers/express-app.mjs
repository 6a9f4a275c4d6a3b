// An application with Express, the same one on Sluice and on node:http.

import express from "express";
import { product } from "./framework-exchanges.mjs";

export const app = express();

app.get("/json", (_request, response) => response.json(product));
