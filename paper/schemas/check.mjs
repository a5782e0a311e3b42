// SPDX-License-Identifier: Apache-2.0

// Holds files to their schemas: CITATION.cff to that of the Citation File
// Format, as cffjs has it, and datapackage.json to Frictionless Data's profile.
// Run in the folder that setup/schemas.sh filled: node --input-type=module - FILE…
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { validateCFFFile } from 'cffjs'
import datapackage from 'datapackage'

const { Profile } = datapackage
const profile = await Profile.load('data-package')
let bad = 0
for (const file of process.argv.slice(2)) {
  try {
    if (basename(file) === 'CITATION.cff') {
      validateCFFFile(file)
    } else {
      const { valid, errors } = profile.validate(JSON.parse(readFileSync(file, 'utf8')))
      if (!valid) throw new Error(errors.map((e) => e.message).join('; '))
    }
  } catch (e) {
    bad++
    console.log(`${file}: ${e.message}`)
  }
}
process.exit(bad ? 1 : 0)
