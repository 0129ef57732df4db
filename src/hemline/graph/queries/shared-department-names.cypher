// Departments with different numbers that have one name: why nodes are keyed by number.
// Columns:
//   name
//   departments  how many have it
//   numbers      of them
MATCH (d:Department)
WITH d.name AS name, d.number AS number ORDER BY number
WITH name, count(*) AS departments, collect(number) AS numbers
WHERE departments > 1
RETURN name, departments, numbers
ORDER BY departments DESC, name
