// Purchases of a customer: mean and standard deviation over those who bought something.
// The talk's 21.2 and 34.6: edges, so that identical purchases count once.
// Columns:
//   customers  how many bought something
//   mean       purchases of one of them
//   deviation  standard deviation of the purchases
//   most       purchases of the customer with the most
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
WITH c.id AS customer, 1.0 * count(b) AS n
RETURN count(*) AS customers, avg(n) AS mean, sqrt(avg(n * n) - avg(n) * avg(n)) AS deviation,
       max(n) AS most
